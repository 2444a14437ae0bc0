"""Options that several commands share, given to them as one object."""

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of its dataclass parameters as options of their own, as typer wants them.

    @grouped
    def ranks(where: StoreOptions, over: ... = "seeds") -> None: ...       # --store, --database, --over
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {
        name: kind for name, kind in hints.items() if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    }
    options: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            options += inspect.signature(groups[parameter.name]).parameters.values()
        else:
            options.append(parameter.replace(annotation=hints[parameter.name]))

    @wraps(command)
    def with_options(**given: Any) -> None:
        for name, group in groups.items():
            fields = [field.name for field in dataclasses.fields(group)]
            given[name] = group(**{field: given.pop(field) for field in fields if field in given})
        command(**given)

    del with_options.__wrapped__
    signature = inspect.Signature([one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in options])
    with_options.__signature__ = signature  # type: ignore[attr-defined]
    with_options.__annotations__ = {one.name: one.annotation for one in options}
    return with_options


__all__ = ["grouped"]
