"""The store of run records."""

import multiprocessing
import os
import pickle
import random
import sqlite3
import string
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pandas.testing import assert_frame_equal
from sqlalchemy import create_engine, make_url

from results import EvaluationRecord, Store, StoreError
from results.history import read_history, write_history
from results.models import Base
from results.records import read_frames
from results.schema import VERSION_TABLE

NEEDED = {"experiment": "demo", "space": "topology", "dataset": "digits", "search_seed": 0, "settings": {"steps": 3}}


def evaluation(**changes: object) -> EvaluationRecord:
    values = {
        "source": "tabular",
        "dataset": "CIFAR-10",
        "split": "validation",
        "epochs": 200,
        "evaluation_seed": None,
        "error_percent": 9.5,
        "provenance": "table v1",
    }
    return EvaluationRecord(**{**values, **changes})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_reading_a_store_that_is_not_there_finds_nothing_and_writes_nothing(store: Store) -> None:
    assert store.runs().empty
    assert store.evaluations().empty
    assert "search_seed" in store.runs().columns
    with pytest.raises(StoreError, match="no runs yet"):
        store.run("abc")
    assert not store.location.exists()


def test_a_run_is_added_and_then_changed_by_parts(store: Store) -> None:
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    store.upsert_run("0123456789ab", method="rarts", created_at=started, **NEEDED)
    store.upsert_run("0123456789ab", status="finished", skip_ratio=0.25, connected=True)
    run = store.run("0123")
    assert (run.method, run.status, run.skip_ratio, run.connected) == ("rarts", "finished", 0.25, True)
    assert run.settings == {"steps": 3}
    assert run.created_at == started
    assert run.finished_at is None
    assert len(store.runs()) == 1
    assert store.run_folder(run.id) == store.location / "runs" / "0123456789ab"


def test_filters_take_values_and_lists(store: Store) -> None:
    for number, method in enumerate(["rarts", "darts-1", "random"]):
        store.upsert_run(f"{number:012x}", method=method, **NEEDED)
    assert store.runs(method="rarts")["id"].tolist() == ["000000000000"]
    assert set(store.runs(method=["rarts", "random"])["method"]) == {"rarts", "random"}
    with pytest.raises(StoreError, match="no column 'methd'"):
        store.runs(methd="rarts")


def test_run_ids_that_do_not_name_one_run(store: Store) -> None:
    for run_id in ("aa0000000000", "aa1111111111", "bb0000000000"):
        store.upsert_run(run_id, method="rarts", **NEEDED)
    assert store.run("b").id == "bb0000000000"
    with pytest.raises(StoreError, match="2 run ids"):
        store.run("aa")
    with pytest.raises(StoreError, match="did you mean bb0000000000"):
        store.run("bb0000000001")
    with pytest.raises(StoreError, match="no run '%'"):
        store.run("%")


def test_bad_columns_are_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="needs the columns method"):
        store.upsert_run("0123456789ab", **NEEDED)
    with pytest.raises(StoreError, match="no column 'eror'"):
        store.upsert_run("0123456789ab", method="rarts", eror=1, **NEEDED)
    with pytest.raises(StoreError, match="'done' is no status"):
        store.upsert_run("0123456789ab", method="rarts", status="done", **NEEDED)
    with pytest.raises(StoreError, match="'guess' is no source"):
        store.add_evaluations("0123456789ab", [evaluation(source="guess")])
    with pytest.raises(StoreError, match="write the run before"):
        store.add_evaluations("0123456789ab", [evaluation()])
    assert store.runs().empty


def test_evaluations_are_idempotent_also_for_a_mean_over_seeds(store: Store) -> None:
    store.upsert_run("0123456789ab", method="rarts", **NEEDED)
    for error in (9.5, 9.25):
        store.add_evaluations("0123456789ab", [evaluation(error_percent=error), evaluation(evaluation_seed=777)])
    found = store.evaluations(run_id="0123456789ab")
    assert found["evaluation_seed"].fillna(-1).tolist() == [-1, 777]
    assert found.loc[found["evaluation_seed"].isna(), "error_percent"].tolist() == [9.25]


def test_a_file_that_is_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite").write_bytes(b"these are not the runs you are looking for" * 50)
    with pytest.raises(StoreError, match="is not a database: "):
        Store(tmp_path).runs()
    with pytest.raises(StoreError, match="name a folder"):
        Store(tmp_path / "runs.sqlite")


def test_a_store_of_a_newer_schema_and_somebody_elses_database(store: Store, tmp_path: Path) -> None:
    store.upsert_run("0123456789ab", method="rarts", **NEEDED)
    connection = sqlite3.connect(store.location / "runs.sqlite")
    connection.execute("UPDATE run_store_version SET version_num = '9001'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="schema 9001, newer"):
        Store(store.location).runs()
    connection = sqlite3.connect(tmp_path / "runs.sqlite")
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="not a run store"):
        Store(tmp_path).runs()


def test_a_store_from_before_it_had_its_own_version_table(store: Store) -> None:
    store.upsert_run("0123456789ab", method="rarts", **NEEDED)
    connection = sqlite3.connect(store.location / "runs.sqlite")
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.execute("ALTER TABLE runs DROP COLUMN predicted_latency_ms")
    connection.execute("ALTER TABLE runs DROP COLUMN predicted_latency_source")
    connection.execute("DROP TABLE run_store_version")
    connection.commit()
    assert Store(store.location).runs()["id"].tolist() == ["0123456789ab"]
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"runs", "evaluations", "run_store_version"}
    connection.close()


@pytest.mark.parametrize("url", ["no url", "mysql://host/name", "nothing+here://host/name"])
def test_bad_database_urls(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError):
        Store(tmp_path, database_url=url)


def test_a_database_by_url_is_the_same_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "folder", database_url=f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    store.upsert_run("0123456789ab", method="rarts", **NEEDED)
    assert Store(tmp_path / "other", database_url=store.database_url).run("01").method == "rarts"


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """An empty schema of its own on the server that NAS_HARNESS_TEST_POSTGRESQL names."""
    server = os.environ.get("NAS_HARNESS_TEST_POSTGRESQL")
    if not server:
        pytest.skip("NAS_HARNESS_TEST_POSTGRESQL does not name a PostgreSQL database")
    schema = f"nas_harness_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        url = make_url(server).update_query_dict({"options": f"-csearch_path={schema}"})
        yield url.render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


def test_postgresql_is_the_same_store(tmp_path: Path, postgresql_url: str) -> None:
    remote, local = Store(tmp_path / "folder", database_url=postgresql_url), Store(tmp_path / "local")
    _fill(remote, random.Random(0))
    remote.add_evaluations("000000000000", [evaluation(error_percent=1.25)] * 2)
    remote.export_csv(tmp_path / "csv")
    local.import_csv(tmp_path / "csv")
    assert_frame_equal(local.runs(), remote.runs(), check_exact=True)
    assert_frame_equal(local.evaluations(), remote.evaluations(), check_exact=True)
    with pytest.raises(StoreError, match="write the run before"):
        remote.add_evaluations("ffffffffffff", [evaluation()])
    engine = create_engine(postgresql_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_migrations_build_what_the_models_say(store: Store) -> None:
    store.upsert_run("0123456789ab", method="rarts", **NEEDED)
    engine = create_engine(f"sqlite:///{store.location / 'runs.sqlite'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


def _write_runs(location: Path, worker: int, count: int) -> None:
    store = Store(location)  # all workers also race to create the schema
    for number in range(count):
        run_id = f"{worker:02x}{number:010x}"
        store.upsert_run(run_id, method=f"method-{worker}", **NEEDED)
        store.add_evaluations(run_id, [evaluation(evaluation_seed=seed) for seed in (777, 888)])
        store.upsert_run(run_id, status="finished")


def test_four_processes_write_one_store(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_runs, args=(store.location, worker, 10)) for worker in range(4)]
    for process in workers:
        process.start()
    for process in workers:
        process.join()
    assert [process.exitcode for process in workers] == [0, 0, 0, 0]
    runs = store.runs()
    assert runs["method"].value_counts().to_dict() == {f"method-{worker}": 10 for worker in range(4)}
    assert set(runs["status"]) == {"finished"}
    assert len(store.evaluations()) == 80


def test_a_store_can_be_sent_to_a_worker(store: Store) -> None:
    store.upsert_run("0123456789ab", method="rarts", **NEEDED)
    assert pickle.loads(pickle.dumps(store)).run("01").method == "rarts"


def _fill(store: Store, generator: random.Random) -> None:
    """Three runs of random content, with the characters that CSV files trip over."""

    def text() -> str:
        return "".join(generator.choices(string.ascii_letters + "|~+,;\"'\n\r\t %é漢NA", k=generator.randrange(12)))

    def number() -> float | None:
        return generator.choice(
            [None, 0.0, generator.random(), generator.uniform(-1, 1) * 10.0 ** generator.randint(-300, 300)]
        )

    for index in range(3):
        run_id = f"{index:012x}"
        store.upsert_run(
            run_id,
            experiment=text(),
            method=text(),
            space=text(),
            dataset=text(),
            search_seed=generator.randrange(2**31),
            settings={text(): number(), "list": [text(), generator.randrange(9), None, True]},
            status=generator.choice(["running", "interrupted", "finished", "failed"]),
            message=text(),
            architecture=generator.choice([None, text()]),
            operation_counts=generator.choice([None, {text(): generator.randrange(6)}]),
            skip_ratio=number(),
            connected=generator.choice([None, True, False]),
            device_days=number(),
            steps=generator.choice([None, generator.randrange(1000)]),
            created_at=datetime.fromtimestamp(generator.uniform(0, 2e9), tz=UTC),
        )
        records = [
            evaluation(evaluation_seed=seed, error_percent=generator.uniform(0, 100), provenance=text())
            for seed in (None, generator.randrange(1000))
        ]
        store.add_evaluations(run_id, records)


@pytest.mark.parametrize("seed", range(8))
def test_csv_round_trip(tmp_path: Path, seed: int) -> None:
    first, second = Store(tmp_path / "first"), Store(tmp_path / "second")
    _fill(first, random.Random(seed))
    first.export_csv(tmp_path / "csv")
    second.import_csv(tmp_path / "csv")
    second.import_csv(tmp_path / "csv")  # importing twice changes nothing
    assert_frame_equal(second.runs(), first.runs(), check_exact=True)
    assert_frame_equal(second.evaluations(), first.evaluations(), check_exact=True)
    runs, evaluations = read_frames(tmp_path / "csv")
    assert_frame_equal(runs, first.runs(), check_exact=True)
    assert set(evaluations["id"]) == set(first.evaluations()["id"])


def test_an_export_may_be_a_part_and_have_a_name(store: Store, tmp_path: Path) -> None:
    for number, method in enumerate(["rarts", "random"]):
        store.upsert_run(f"{number:012x}", method=method, **NEEDED)
        store.add_evaluations(f"{number:012x}", [evaluation()])
        store.export_csv(tmp_path / "csv", name=method, method=method)
    assert {path.name for path in (tmp_path / "csv").iterdir()} == {
        "rarts-runs.csv",
        "rarts-evaluations.csv",
        "random-runs.csv",
        "random-evaluations.csv",
    }
    runs, evaluations = read_frames(tmp_path / "csv")
    assert runs["method"].tolist() == ["random", "rarts"]
    assert len(evaluations) == 2


def test_bad_csv_files(store: Store, tmp_path: Path) -> None:
    store.upsert_run("0123456789ab", method="rarts", **NEEDED)
    with pytest.raises(StoreError, match=r"holds no runs\.csv"):
        store.import_csv(tmp_path)
    store.export_csv(tmp_path)
    good = (tmp_path / "runs.csv").read_text()
    (tmp_path / "runs.csv").write_text(good.replace("digits,0,", "digits,zero,"))
    with pytest.raises(StoreError, match="'zero' is no value of search_seed"):
        store.import_csv(tmp_path)
    (tmp_path / "runs.csv").write_text(good.replace("search_seed", "seed"))
    with pytest.raises(StoreError, match="no column 'search_seed'"):
        store.import_csv(tmp_path)


def test_history_round_trip(tmp_path: Path) -> None:
    rows = [{"step": 0, "loss": 2.5}, {"step": 1, "loss": 2.25, "skip_ratio": 0.5}]
    write_history(tmp_path / "deep" / "history.parquet", rows)
    found = read_history(tmp_path / "deep" / "history.parquet")
    assert found["loss"].tolist() == [2.5, 2.25]
    assert found["skip_ratio"].isna().tolist() == [True, False]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["history.parquet"]
    with pytest.raises(StoreError, match="no history"):
        read_history(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(StoreError, match="not a history"):
        read_history(tmp_path / "bad.parquet")
