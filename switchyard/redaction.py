"""Shows values without the secrets in them: what is secret by its name, and the passwords in addresses.

An address is ``scheme://user:password@host``, or ``host=... password=...`` as PostgreSQL writes it.

Django's own list decides on names (``API``, ``AUTH``, ``TOKEN``, ``KEY``, ``SECRET``, ``PASS``, ``SIGNATURE``
anywhere in one). A secret under another name, and in no address, is not known as one.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.views.debug import SafeExceptionReporterFilter

HIDDEN = SafeExceptionReporterFilter.cleansed_substitute

#: From the colon after the user to the last @ of the address, whatever is between. But not from a port.
_PASSWORD = re.compile(r"(?P<user>://[^:@/\s]*:)(?!\d+[/?#])(?P<password>(?:(?!://)[^\s\"<>])+)@")
_ASSIGNED = re.compile(r"(?P<name>\bpassword\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)


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
