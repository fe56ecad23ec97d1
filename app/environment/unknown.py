"""Names what looks like a variable of ours and is none, with the nearest that there is.

It is no fault (the platform sets many), but a setting that somebody believes to hold.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name of it

from app.environment.variable import FILE, Variable


def unknown(
    variables: Sequence[Variable], given: Mapping[str, str] = os.environ
) -> Iterator[tuple[str, str]]:
    """Each that looks like one of ours and that nobody reads, with the nearest, if one is near."""
    known = {variable.name for variable in variables} | {variable.name + FILE for variable in variables}
    prefixes = {name.partition("_")[0] + "_" for name in known if "_" in name} | {"SWITCHYARD_"}
    for name in sorted(given.keys() - known):
        if name.startswith(tuple(prefixes)) and not _is_of_a_service(name, given[name]):
            near = get_close_matches(name.removeprefix("SWITCHYARD_"), sorted(known), n=1, cutoff=0.8)
            if near or name.startswith("SWITCHYARD_"):
                yield name, "".join(near)


def check_unknown(variables: Sequence[Variable]) -> Callable[..., list[CheckMessage]]:
    """For Django's registry of checks."""

    def check(**_: Any) -> list[CheckMessage]:
        return [
            Warning(
                f"The variable {name} is read by nobody.",
                hint=f"Did you mean {near}?" if near else "Remove it: no variable of ours begins so.",
                obj=name,
                id="app.W1",
            )
            for name, near in unknown(variables)
        ]

    return check


def _is_of_a_service(name: str, value: str) -> bool:
    """As Kubernetes sets them for each Service of the namespace, which may be called web."""
    return bool(re.search(r"_SERVICE_(HOST|PORT)|_PORT_\d+_", name)) or value.startswith(("tcp://", "udp://"))
