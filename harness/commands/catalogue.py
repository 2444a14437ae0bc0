"""`nas-harness methods`, `spaces` and `datasets`: what can be asked for."""

from typing import Annotated, Any

import typer

from harness.commands.options import JsonOption


def methods(
    pattern: Annotated[str, typer.Argument(help="Shell pattern, e.g. 'darts-*'.")] = "*",
    explain: Annotated[
        str | None, typer.Option(help="Parts and settings of a method, also of one such as rarts+sigmoid.")
    ] = None,
    parts: Annotated[bool, typer.Option("--parts", help="List the parts that methods are made of.")] = False,
    json_: JsonOption = False,
) -> None:
    """List the search methods, the parts that they are made of, or one method's parts and settings."""
    from methods import list_methods
    from methods.explanation import explain_method, list_parts

    if explain is not None:
        rows = explain_method(explain)
        # on a terminal one column for both leaves settings unbroken
        _show(rows if json_ else [{"part": f"{r.pop('kind')}\n{r.pop('name')}", **r} for r in rows], json_=json_)
    elif parts:
        _show(list_parts(), json_=json_)
    else:
        _show([{"name": m.name, "what": m.summary, "paper": m.paper} for m in list_methods(pattern)], json_=json_)


def spaces(json_: JsonOption = False) -> None:
    """List the search spaces."""
    from spaces.registry import list_spaces

    rows = [
        {
            "name": name,
            "what": (space.__doc__ or "").splitlines()[0],
            "supernet": space.supernet_settings,
            "network": getattr(space, "network_settings", {}),
        }
        for name, space in list_spaces().items()
    ]
    _show(rows, json_=json_)


def datasets(json_: JsonOption = False) -> None:
    """List the image data sets; an .npz file or a folder of images can be named by its path."""
    from harness.data import REGISTERED
    from harness.data.datasets import IMAGENET

    rows = [{"name": name, "classes": dataset.classes} for name, dataset in REGISTERED.items()]
    _show([*rows, {"name": IMAGENET, "classes": "one a folder"}], json_=json_)


def _show(rows: list[dict[str, Any]], *, json_: bool) -> None:
    import json

    from rich.console import Console
    from rich.table import Column, Table

    if json_:
        typer.echo(json.dumps(rows))
        return
    first = rows[0] if rows else {}
    table = Table(*(Column(name, overflow="fold", no_wrap=isinstance(one, dict)) for name, one in first.items()))
    for row in rows:
        table.add_row(*map(_text, row.values()))
    Console().print(table)


def _text(value: Any) -> str:
    """A mapping has a line for each of its entries."""
    return "\n".join(f"{name}={one}" for name, one in value.items()) if isinstance(value, dict) else str(value)
