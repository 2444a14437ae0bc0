"""The HTML report in a real browser: it renders, sorts, filters, links, adapts, prints, and runs nobody's script."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.commands.html_report import report
from methods import list_methods
from methods.composition import composed_name
from reports.page.designs import crossed_parts, crossed_settings
from reports.page.sensitivity import one_at_a_time
from results import EvaluationRecord, Store, StoreError
from results.history import write_history
from spaces.errors import InputError

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'nas-harness[dev]'")
CHROMIUM = shutil.which("chromium")
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ERRORS = {"rarts": (9.5, 10.5), "darts-1": (100.0, 90.0), "gdas": (30.25, 29.75)}  # as texts, 100 comes before 30


def fill(store: Store, method: str, seed: int, error: float, **columns: Any) -> str:
    values = {
        "experiment": "demo", "space": "topology", "dataset": "digits", "status": "finished", "skip_ratio": 1 / 6,
        "zero_ratio": 0.0, "connected": True, "device": "AMD EPYC", "device_days": 0.01, "settings": {"steps": 3},
        "versions": {"torch": "2.13.0"},
        "architecture": "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|none~2|",
    }  # fmt: skip
    run_id = f"{len(store.runs()):012x}"
    store.upsert_run(run_id, method=method, search_seed=seed, **{**values, **columns})
    evaluation = EvaluationRecord(
        source="trained", dataset="digits", split="test", epochs=4, evaluation_seed=0, error_percent=error,
        provenance="recipe",
    )  # fmt: skip
    store.add_evaluations(run_id, [evaluation])
    return run_id


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    store = Store(folder / "store")
    for method, errors in ERRORS.items():
        for seed, error in enumerate(errors):
            cost = {"steps": 4, "search_seconds_step": 8.0, "search_seconds_data": 0.0, "threads": 1}
            run = fill(store, method, seed, error, latency_ms=error, latency_source="phone", **cost)
            steps = [
                {"step": step, "skip_ratio": step / 10, "alpha/0/0/0": step, "one_shot_error": 50 - step}
                for step in (1.0, 2.0, 3.0, 4.0)
            ]
            write_history(store.run_folder(run) / "history.parquet", steps)
    for gamma in (0.1, 1.0):
        for seed in (0, 1):
            fill(store, "tuned", seed, 50 + gamma, settings={"steps": 3, "gamma": gamma})
    fill(store, SCRIPT, 0, 60.0, experiment=SCRIPT, device=SCRIPT, architecture=None, settings={SCRIPT: SCRIPT})
    fill(store, "rarts", 0, 20.0, dataset="cifar10")
    fill(store, "rarts", 0, 20.0, space="of another package", architecture="a")
    output = folder / "page.html"
    report(store=folder / "store", output=output)
    return output


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs a browser: apt install chromium")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


class Opened:
    """A page, with everything that it complained of or asked the network for."""

    def __init__(self, browser: Any, file: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = file.as_uri()
        self.page.goto(self.url)

    def colours(self, selector: str) -> tuple[str, str]:
        script = "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
        colour, background = self.page.eval_on_selector(selector, script)
        return colour, background


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Opened]:
    shown = Opened(browser, page_file)
    yield shown
    assert shown.complaints == []
    shown.context.close()


def methods(page: Any) -> list[str]:
    """The visible rows of the first table of digits, from the top."""
    rows = page.locator("#board-3 table").first.locator("tbody tr:visible th > a")
    return [text.strip() for text in rows.all_inner_texts()]


def test_page_is_one_file_without_complaints(opened: Opened) -> None:
    assert opened.page.locator("h2").all_inner_texts()[0] == "Leaderboards"
    assert set(ERRORS) < set(methods(opened.page))
    assert [url for url in opened.requests if not url.startswith("data:")] == [opened.url]


def test_numbers_sort_as_numbers_and_missing_ones_stay_last(opened: Opened) -> None:
    table = opened.page.locator("#board-3 table").first
    header = table.locator("thead th", has_text="digits test, trained")
    assert header.get_attribute("aria-sort") == "ascending"
    best_first = ["rarts", "gdas", "tuned", "tuned", SCRIPT, "darts-1"]
    assert [name for name in methods(opened.page) if name in best_first] == best_first
    header.get_by_role("button").press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert methods(opened.page)[:2] == ["darts-1", SCRIPT]
    table.get_by_role("button", name="method").click()
    assert methods(opened.page) == sorted(methods(opened.page), key=str.lower)
    assert table.locator("[aria-sort]").count() == 1


def test_filter_keeps_the_rows_with_every_word(opened: Opened) -> None:
    opened.page.get_by_role("searchbox").fill("TUNED gamma=1.0")
    assert methods(opened.page) == ["tuned"]
    assert opened.page.locator("#filter-count").inner_text() == "1 of 8"
    opened.page.get_by_role("searchbox").fill("")
    opened.page.locator("#board-filter").select_option(label="topology · cifar10")
    assert opened.page.locator("article.board:visible h3").all_inner_texts() == ["topology · cifar10"]
    assert opened.page.locator("details.runs:visible").count() == 1


def test_names_and_settings_are_text(opened: Opened) -> None:
    assert opened.page.title() != "owned"
    assert SCRIPT in methods(opened.page)
    block = opened.page.locator("details.runs", has_text="onerror")
    block.locator("summary").first.click()
    assert block.locator(".settings dt").first.inner_text() == SCRIPT
    assert opened.page.locator("img").count() == 0


def test_every_number_leads_to_its_runs(opened: Opened) -> None:
    links = opened.page.locator("a[href^='#']")
    targets = {str(link) for link in links.evaluate_all("all => all.map(a => a.getAttribute('href').slice(1))")}
    ids = opened.page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert targets <= set(ids)
    assert len(ids) == len(set(ids))
    numbers = opened.page.locator("#board-3 td[data-value]")
    assert numbers.count() == numbers.locator("a").count() > 6
    number = opened.page.locator("#board-3 tr", has_text="gdas").first.locator("td a").last
    number.click()
    block = opened.page.locator("details.runs:has(:target)")
    assert block.get_attribute("open") is not None
    assert "gdas" in block.locator("summary").first.inner_text()
    assert block.locator("tbody code").first.inner_text() == "000000000004"


def test_figures_show_what_the_records_hold(opened: Opened) -> None:
    page = opened.page
    assert page.locator("#cells figure").count() == 6  # every row of both boards that found an architecture
    assert page.locator("#cells svg").first.get_by_text("conv 3x3").count() == 1
    assert page.locator("#trajectories .panel-title").all_inner_texts() == ["Skip ratio", "Error of the supernet"]
    assert set(page.locator("#trajectories .legend a").all_inner_texts()) == set(ERRORS)
    assert page.locator("#anytime .legend a").all_inner_texts() == ["rarts", "gdas", "darts-1"]  # as on the board
    assert page.locator("#anytime svg").get_by_text("search on AMD EPYC (CPU threads: 1), s").count() == 1
    assert page.locator("#ranks tbody th").first.inner_text() == "rarts"
    titles = page.locator("#sensitivity .panel-title").all_inner_texts()
    assert titles == ["gamma: digits test, trained, 4 epochs"]
    assert page.locator("#sensitivity .legend a").all_inner_texts() == ["gamma=1", "gamma=0.1"]
    assert page.locator("#latency svg use[style*='--paper']").count() == 6  # a point a run


def test_no_method_of_a_long_board_goes_without_figures(tmp_path: Path) -> None:
    """A figure shows as many rows as can be told apart, and the next figure the next rows."""
    store = Store(tmp_path / "store")
    names = [named.name for named in list_methods()][:15]
    for place, name in enumerate(names):
        run = fill(store, name, 0, 10.0 + place, latency_ms=1.0, latency_source="phone", steps=2, threads=1,
                   search_seconds_step=1.0, search_seconds_data=0.0)  # fmt: skip
        history = [{"step": 1.0, "skip_ratio": 0.5, "one_shot_error": 30.0}]
        write_history(store.run_folder(run) / "history.parquet", history)
    report(store=tmp_path / "store", output=tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    for section, headings in (
        ("trajectories", ["rows 1 to 12", "rows 13 to 15"]), ("latency", ["rows 1 to 12", "rows 13 to 15"]),
        ("anytime", ["rows 1 to 8", "rows 9 to 15"]), ("cells", []),
    ):  # fmt: skip
        shown = page.split(f'<section id="{section}"')[1].split("</section>")[0]
        assert re.findall(r"rows \d+ to \d+", " ".join(re.findall(r"<h3>(.*?)</h3>", shown))) == headings
        assert all(f">{name}</a>" in shown for name in names)


def test_alpha_is_drawn_to_scale(opened: Opened) -> None:
    lines = opened.page.locator("#alphas polyline").all()
    assert len(lines) == 3
    # alpha 1, 2, 3, 4 after a quarter, half, three quarters and all of the search; heights count from the top
    assert lines[0].get_attribute("points") == "25.0,100.0 50.0,66.7 75.0,33.3 100.0,0.0"


def test_baseline_is_what_most_others_differ_from_in_one_setting() -> None:
    values = [(0.0, 1.0), (0.0, 2.0), (0.5, 1.0), (0.5, 2.0), (0.0, 3.0)]
    runs = pd.DataFrame(
        {
            "id": [f"run{place}" for place in range(len(values))],
            "settings": [{"gamma": gamma, "lambda": weight} for gamma, weight in values],
            "search_seed": 0,
        }
    )
    points = [(point.factor, point.value, point.baseline) for point in one_at_a_time(runs)]
    # (0, 2) is as near to the others as (0, 1) is: gamma changes to 0.5, lambda to the two others
    assert [point[:2] for point in points if point[2]] == [("gamma", 0.0), ("lambda", 2.0)]
    assert sorted(point[:2] for point in points if not point[2]) == [("gamma", 0.5), ("lambda", 1.0), ("lambda", 3.0)]
    assert one_at_a_time(runs.iloc[:1]) == []


def test_all_combinations_are_an_ablation_and_fewer_are_none() -> None:
    settings = [
        {"relaxation": relaxation, "beta": beta, "steps": 3, **({"weight": beta} if relaxation == "sigmoid" else {})}
        for relaxation in ("softmax", "sigmoid")
        for beta in (0.5, 10.0, 2.0)
    ]
    runs = pd.DataFrame({"id": list("abcdef"), "settings": settings, "search_seed": 7, "status": "finished"})
    design = crossed_settings(runs)
    assert design is not None
    choices, combinations = design
    assert choices == {"beta": ("0.5", "2.0", "10.0"), "relaxation": ("sigmoid", "softmax")}
    found = {(one.levels["relaxation"], one.levels["beta"]): one.runs for one in combinations}
    assert found["softmax", "10.0"] == {7: "b"}
    assert len(found) == 6
    assert crossed_settings(runs.iloc[1:]) is None
    assert crossed_settings(runs.iloc[:3]) is None  # of one choice alone


def test_methods_that_cross_two_kinds_of_parts_are_found_among_others() -> None:
    """DARTS, MiLeNAS and RARTS with a softmax and with sigmoids; GDAS and FairDARTS complete no grid."""
    crossed = {
        (rule, relaxation): composed_name("darts-1", {"update-rule": rule, "relaxation": relaxation})
        for rule in ("first-order", "mixed-level", "relaxed") for relaxation in ("softmax", "sigmoid")
    }  # fmt: skip
    assert set(crossed.values()) >= {"darts-1", "milenas", "rarts"}
    methods = [*crossed.values(), "gdas", "fair-darts", "random-search", "of another package"]
    settings = [{"steps": 5, **({"lambda": 1.0} if name in ("milenas", "rarts") else {})} for name in methods]
    runs = pd.DataFrame({
        "id": [name.upper() for name in methods], "method": methods, "settings": settings, "search_seed": 4,
        "status": "finished",
    })  # fmt: skip
    ((choices, combinations),) = crossed_parts(runs)
    assert choices == {"relaxation": ("softmax", "sigmoid"), "update-rule": ("first-order", "mixed-level", "relaxed")}
    found = {(one.levels["update-rule"], one.levels["relaxation"]): one.runs for one in combinations}
    assert found == {key: {4: name.upper()} for key, name in crossed.items()}
    assert crossed_parts(runs.iloc[2:6])[0][0]["update-rule"] == ("mixed-level", "relaxed")
    assert crossed_parts(runs.iloc[3:]) == []
    settings[0]["steps"] = 6
    assert crossed_parts(runs) == []


def test_ablation_is_drawn(browser: Any, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for seed in (0, 1, 2):
        for beta in (0.1, 1.0):
            for gamma in (0.0, 0.5):
                fill(store, "rarts", seed, 10 + seed + beta * gamma, settings={"beta": beta, "gamma": gamma})
    report(store=tmp_path / "store", output=tmp_path / "page.html")
    shown = Opened(browser, tmp_path / "page.html")
    titles = shown.page.locator("#ablation .panel-title").all_inner_texts()
    assert titles[:2] == ["Main effects on digits test, trained, 4 epochs", "beta and gamma: error, %"]
    shown.page.locator("#ablation summary").first.click()
    assert shown.page.locator("#ablation tbody th").all_inner_texts()[:2] == ["beta=0.1 *", "beta=1.0"]
    assert shown.complaints == []
    shown.context.close()


def test_phone_scrolls_tables_and_not_the_page(browser: Any, page_file: Path) -> None:
    shown = Opened(browser, page_file, viewport={"width": 375, "height": 700})
    for block in shown.page.locator("details > summary").all():
        block.click()
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 375
    assert shown.page.locator(".scroll").evaluate_all("all => all.some(e => e.scrollWidth > e.clientWidth)")
    shown.context.close()


def test_dark_mode_turns_the_colours_around(browser: Any, page_file: Path) -> None:
    pairs = []
    for scheme in ("light", "dark"):
        shown = Opened(browser, page_file, color_scheme=scheme)
        pairs.append([shown.colours(selector) for selector in ("h1", ".lead", "td.number a")])
        shown.context.close()
    for light, dark in zip(*pairs, strict=True):
        assert light != dark
        assert contrast(*light) >= 4.5
        assert contrast(*dark) >= 4.5


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two `rgb(r, g, b)` (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_print_shows_settings_and_no_controls(opened: Opened) -> None:
    settings = opened.page.locator("details.runs .settings").first
    assert opened.page.locator(".bar").is_visible()
    assert not settings.is_visible()
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert not opened.page.locator(".bar").is_visible()
    assert settings.is_visible()
    assert opened.colours("h1") == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")


def test_same_records_give_the_same_page(page_file: Path, tmp_path: Path) -> None:
    report(store=page_file.parent / "store", output=tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page_file.read_text()


def test_experiment_and_data_set_choose_what_goes_in(page_file: Path, tmp_path: Path, capsys: Any) -> None:
    report(store=page_file.parent / "store", dataset="cifar10", output=tmp_path / "page.html", json_=True)
    assert json.loads(capsys.readouterr().out)["runs"] == 1
    report(store=page_file.parent / "store", experiment=SCRIPT, output=tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().count('<details class="runs"') == 1
    with pytest.raises(InputError, match="did you mean demo"):
        report(store=page_file.parent / "store", experiment="dem", output=tmp_path / "page.html")
    with pytest.raises(InputError, match="cannot be written"):
        report(store=page_file.parent / "store", output=tmp_path)


def test_store_without_runs_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nas-harness run"):
        report(store=tmp_path / "store", output=tmp_path / "page.html")
    Store(tmp_path / "store").prepared_url()
    with pytest.raises(StoreError, match="holds no runs yet"):
        report(store=tmp_path / "store", output=tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_store_of_a_newer_version_is_one_sentence(page_file: Path, tmp_path: Path) -> None:
    from sqlalchemy import create_engine, text

    shutil.copytree(page_file.parent / "store", tmp_path / "store")
    with create_engine(f"sqlite:///{tmp_path}/store/runs.sqlite").begin() as connection:
        connection.execute(text("UPDATE run_store_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="upgrade nas-harness"):
        report(store=tmp_path / "store", output=tmp_path / "page.html")
