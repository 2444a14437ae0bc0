"""Groups of options are the same to typer as the options themselves."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from harness.commands.grouped_options import grouped


@dataclass(frozen=True)
class Where:
    folder: Annotated[str, typer.Option(envvar="FOLDER", help="Some folder.")] = "here"
    many: Annotated[list[int] | None, typer.Option("--number", min=1)] = None


def _plain(
    name: str,
    folder: Annotated[str, typer.Option(envvar="FOLDER", help="Some folder.")] = "here",
    many: Annotated[list[int] | None, typer.Option("--number", min=1)] = None,
    last: bool = False,
) -> None:
    """A command."""
    typer.echo(f"{name} {Where(folder, many)} {last}")


@grouped
def _grouped(*, name: str, where: Where, last: bool = False) -> None:
    """A command."""
    typer.echo(f"{name} {where} {last}")


@pytest.mark.parametrize(
    "arguments",
    [["a"], ["a", "--folder", "there", "--last"], ["a", "--number", "1", "--number", "2"], ["--help"], [],
     ["a", "--number", "0"], ["a", "--numbr", "1"]],
)  # fmt: skip
@pytest.mark.parametrize("environment", [{}, {"FOLDER": "elsewhere"}], ids=["", "environment"])
def test_a_group_is_the_same_as_its_options(arguments: list[str], environment: dict[str, str]) -> None:
    results = []
    for command in (_plain, _grouped):
        app = typer.Typer()
        app.command(name="command")(command)
        result = CliRunner().invoke(app, arguments, env=environment)
        results.append((result.exit_code, result.output))
    assert results[0] == results[1]
    assert ("elsewhere" in results[0][1]) == (
        bool(environment) and arguments in (["a"], ["a", "--number", "1", "--number", "2"])
    )


def test_called_from_python_defaults_hold(capsys: pytest.CaptureFixture[str]) -> None:
    _grouped(name="a", folder="there")
    assert capsys.readouterr().out == f"a {Where('there', None)} False\n"
