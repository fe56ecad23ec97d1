"""What a variable of the environment can take: each kind reads a text, or says what it expects."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: The schemes of what speaks HTTP.
HTTP = ("http", "https")


class Unexpected(ValueError):
    """Raised for a value that is not what is expected."""


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


@dataclass(frozen=True)
class Choice(Kind):
    choices: Sequence[str]

    @property
    def expected(self) -> str:
        return " or ".join(self.choices)

    def read(self, text: str) -> str:
        if text not in self.choices:
            raise Unexpected
        return text


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
