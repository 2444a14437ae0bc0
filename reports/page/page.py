"""From records to the page.

    html = html_report(Material(runs=store.runs(), evaluations=store.evaluations(), boards=boards, history=history),
                       title="nas-harness-store")

Nothing on the page is loaded from elsewhere, and the same records give the same text.
"""

from collections.abc import Callable
from importlib.resources import files

import jinja2
from markupsafe import Markup

from reports.leaderboard_grids import LEGEND
from reports.page.ablation import ablation_section
from reports.page.alphas import alphas_section
from reports.page.anytime import anytime_section
from reports.page.boards import boards_section
from reports.page.cells import cells_section
from reports.page.details import details_section
from reports.page.latency import latency_section
from reports.page.material import Material, Section, board_title
from reports.page.ranks import ranks_section
from reports.page.sensitivity import sensitivity_section
from reports.page.trajectories import trajectories_section

SECTIONS: tuple[Callable[[Material], Section | None], ...] = (  # in the order of the page
    boards_section,
    ranks_section,
    anytime_section,
    cells_section,
    trajectories_section,
    alphas_section,
    sensitivity_section,
    ablation_section,
    latency_section,
    details_section,
)


def html_report(material: Material, *, title: str, command: str) -> str:
    """The page; `command` is what makes it again. A section without anything to show is left out."""
    templates = files("reports") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (templates / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [section for make in SECTIONS if (section := make(material)) is not None]
    runs = material.searched
    finished = runs[runs["status"] == "finished"]
    times = runs["finished_at"].dropna()
    return environment.get_template("page.html").render(
        title=title,
        command=command,
        legend=LEGEND,
        sections=sections,
        boards=[board_title(board) for board in material.boards],
        figures={
            "runs": f"{len(runs):,}",
            "finished": f"{len(finished):,}",
            "methods": str(runs["method"].nunique()),
            "leaderboards": str(len(material.boards)),
            "device-days": f"{runs['device_days'].sum():.3g}",
        },
        until=f"{times.max():%Y-%m-%d}" if len(times) else "",
        style=Markup((templates / "style.css").read_text(encoding="utf-8")),
        script=Markup((templates / "script.js").read_text(encoding="utf-8")),
    )


__all__ = ["SECTIONS", "html_report"]
