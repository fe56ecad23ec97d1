"""Shows values without the secrets in them: what is secret by its name, and the passwords in addresses.

An address is ``scheme://user:password@host``, or ``host=... password=...`` as PostgreSQL writes it.

Django's own list decides on names (``API``, ``AUTH``, ``TOKEN``, ``KEY``, ``SECRET``, ``PASS``, ``SIGNATURE``
anywhere in one). A secret under another name, and in no address, is not known as one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.views.debug import SafeExceptionReporterFilter

HIDDEN = SafeExceptionReporterFilter.cleansed_substitute

#: From the colon after the user to the last @ of the address, whatever is between. But not from a port.
_PASSWORD = re.compile(r"(?P<user>://[^:@/\s]*:)(?!\d+[/?#])(?P<password>(?:(?!://)[^\s\"<>])+)@")
_ASSIGNED = re.compile(r"(?P<name>\bpassword\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)

#: What is shorter may be a word that stands there for something else: it is hidden by its name only.
SHORTEST_SECRET = 12
#: As PASSWORD_HASHERS has them.
_IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def redacted(value: Any) -> Any:
    """The same with what is secret replaced by asterisks, however deep it lies."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if is_secret(key) else redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return without_passwords(value) if isinstance(value, str) else value


def is_secret(name: Any) -> bool:
    return bool(SafeExceptionReporterFilter.hidden_settings.search(str(name)))


def without_passwords(text: str) -> str:
    """The text with the password of each address in it hidden."""
    return _ASSIGNED.sub(rf"\g<name>{HIDDEN}", _PASSWORD.sub(rf"\g<user>{HIDDEN}@", text))


def passwords(text: str) -> set[str]:
    """Those of the URLs in a text, as they are written there."""
    return {found["password"] for found in _PASSWORD.finditer(text)}


def without_secrets_of_settings(text: str) -> str:
    """The text with each secret of Django's settings hidden, wherever it stands.

    Each part of a secret on its own, as what is between them is escaped in as many ways as there are.
    """
    parts = {part for each in set(_secrets()) for part in re.findall(r"\w+", each)}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= SHORTEST_SECRET:
            text = text.replace(part, HIDDEN)
    return text


def _secrets() -> Iterator[str]:
    for name in dir(settings):
        if name.isupper():
            yield from _leaves(getattr(settings, name), hidden=is_secret(name))


def _leaves(value: Any, *, hidden: bool) -> Iterator[str]:
    """The texts in a setting that are secret: all of them under a secret's name, else those of addresses."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, hidden=hidden or is_secret(key))
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _leaves(item, hidden=hidden)
    elif isinstance(value, str) and not _IMPORT_PATH.fullmatch(value):
        found = {value} if hidden else passwords(value)
        yield from found | {unquote(each) for each in found}
