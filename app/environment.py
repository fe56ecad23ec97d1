"""Reads the environment as it is declared, and says of all that is wrong what came and what is expected.

A wrong value stops everything that reads the settings, each named on a line. A variable that nobody reads is
no fault (the platform sets many), but one that looks like ours is named by ``check``, with the nearest that
there is: it is a setting that somebody believes to hold.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name of it
from django.core.exceptions import ImproperlyConfigured

#: In the place of a default.
REQUIRED = object()
FILE = "_FILE"


class Unexpected(ValueError):
    """Raised for a value that is not what is expected."""


@dataclass(frozen=True)
class Computed:
    """A default that the settings know, in words."""

    words: str


@dataclass(frozen=True)
class Kind:
    """What a variable takes. ``secret``: no message shows what came."""

    secret: bool = field(default=False, kw_only=True)

    @property
    def expected(self) -> str:
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """Raises Unexpected."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Kind):
    least: int = 0

    @property
    def expected(self) -> str:
        return f"text of at least {self.least} characters" if self.least > 1 else "text"

    def read(self, text: str) -> str:
        if len(text) < self.least or not text.isprintable():
            raise Unexpected
        return text


@dataclass(frozen=True)
class Flag(Kind):
    expected = "true or false"

    def read(self, text: str) -> bool:
        known = {"true": True, "1": True, "yes": True, "on": True}
        known |= {"false": False, "0": False, "no": False, "off": False}
        if text.lower() not in known:
            raise Unexpected
        return known[text.lower()]


@dataclass(frozen=True)
class Number(Kind):
    least: int
    most: int

    @property
    def expected(self) -> str:
        return f"a whole number from {self.least:,} to {self.most:,}"

    def read(self, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not self.least <= int(text) <= self.most:
            raise Unexpected
        return int(text)


class Choice(Kind):
    def __init__(self, *choices: str) -> None:
        super().__init__()
        object.__setattr__(self, "choices", choices)

    @property
    def expected(self) -> str:
        return " or ".join(self.choices)

    def read(self, text: str) -> str:
        if text not in self.choices:
            raise Unexpected
        return text

    choices: tuple[str, ...]


@dataclass(frozen=True)
class Names(Kind):
    expected = "a list with commas between"

    def read(self, text: str) -> list[str]:
        return [part.strip() for part in text.split(",") if part.strip()]


@dataclass(frozen=True)
class Url(Kind):
    """``bare``: the scheme alone will do. ``also`` raises ValueError for what it cannot read."""

    schemes: Sequence[str]
    bare: bool = False
    also: Callable[[str], object] | None = None

    @property
    def expected(self) -> str:
        return f"a URL: {' or '.join(f'{scheme}://' for scheme in self.schemes)} and a host"

    def read(self, text: str) -> str:
        """Several with ``;`` between, as brokers have them, are each looked at."""
        for part in text.split(";"):
            scheme, separator, rest = part.partition("://")
            if scheme.lower() not in self.schemes or not separator:
                raise Unexpected
            if not (self.bare or rest.strip("/")) or (scheme.startswith("http") and not _is_web(part)):
                raise Unexpected
        if self.also:
            _raises_none(self.also, text)
        return text


@dataclass(frozen=True)
class Urls(Url):
    def read(self, text: str) -> list[str]:  # type: ignore[override]
        return [super(Urls, self).read(part.strip()) for part in text.split(",") if part.strip()]


@dataclass(frozen=True)
class Host(Kind):
    expected = "an address, or localhost"

    def read(self, text: str) -> str:
        try:
            return text if text == "localhost" else str(ip_address(text))
        except ValueError:
            raise Unexpected from None


@dataclass(frozen=True)
class Folder(Kind):
    expected = "a path"

    def read(self, text: str) -> Path:
        return Path(text)


@dataclass(frozen=True)
class Variable:
    name: str
    kind: Kind
    default: Any
    says: str

    @property
    def default_written(self) -> str:
        if self.default is REQUIRED:
            return "required"
        if isinstance(self.default, Computed):
            return f"({self.default.words})"
        if self.default in ("", ()):
            return "empty"
        return f"`{str(self.default).lower() if isinstance(self.default, bool) else self.default}`"


class Environment:
    """The values of ``variables``. Raises ImproperlyConfigured, a line for each that is wrong."""

    def __init__(self, variables: Sequence[Variable], given: Mapping[str, str] = os.environ) -> None:
        self._given = given
        self._values: dict[str, Any] = {}
        wrong = [line for variable in variables if (line := self._take(variable))]
        if wrong:
            raise ImproperlyConfigured("\n".join(wrong))

    def __call__(self, name: str, computed: Any = None) -> Any:
        """The value; ``computed`` is the default of one whose default is the settings' to know."""
        value = self._values[name]
        return computed if isinstance(value, Computed) else value

    def _take(self, variable: Variable) -> str:
        """A line if it is wrong."""
        try:
            text = self._text(variable.name)
        except OSError as error:
            return f"{variable.name}{FILE}: cannot be read ({error.strerror}). Expected the path of a file."
        if text is None or (text == "" and variable.default is not REQUIRED):
            if variable.default is REQUIRED:
                return f"{variable.name}: not set. Expected {variable.kind.expected}: {variable.says}."
            self._values[variable.name] = [] if variable.default == () else variable.default
            return ""
        try:
            self._values[variable.name] = variable.kind.read(text)
        except Unexpected as error:
            if str(error):
                return str(error)
            return f"{variable.name}: {_shown(variable.kind, text)}. Expected {variable.kind.expected}."
        return ""

    def _text(self, name: str) -> str | None:
        file = self._given.get(name + FILE)
        text = Path(file).read_text() if file else self._given.get(name)
        return text.strip() if text is not None else None


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


def described(variables: Sequence[Variable]) -> str:
    """For people at a prompt."""
    lines = [
        f"  {each.name}  {each.default_written.strip('`')}  ({each.kind.expected})\n      {each.says}"
        for each in variables
    ]
    return "\n".join(["Variables, with what holds without them:", *lines])


def table(variables: Sequence[Variable]) -> str:
    """For the page of the settings."""
    rows = [
        f"| `{each.name}` | {each.default_written} | {each.kind.expected} | {each.says} |"
        for each in variables
    ]
    return "\n".join(["| variable | default | takes | meaning |", "|---|---|---|---|", *rows])


def _shown(kind: Kind, text: str) -> str:
    return f"{len(text)} characters came, which are not shown" if kind.secret else f"{text[:80]!r} came"


def _raises_none(read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except ValueError as error:
        raise Unexpected(str(error)) from None


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_of_a_service(name: str, value: str) -> bool:
    """As Kubernetes sets them for each Service of the namespace, which may be called web."""
    return bool(re.search(r"_SERVICE_(HOST|PORT)|_PORT_\d+_", name)) or value.startswith(("tcp://", "udp://"))
