"""Django's reports of an error (the debug page, mails to ADMINS) without the secrets of the settings.

Django hides a setting by its name: neither an address with a password in it, nor what a frame of the
traceback holds of one, which is how a failed login to the database shows its password. For the settings:

    DEFAULT_EXCEPTION_REPORTER = "switchyard.process.error_reports.Reporter"
    DEFAULT_EXCEPTION_REPORTER_FILTER = "switchyard.process.error_reports.Filter"
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from switchyard.redaction import HIDDEN, is_secret, passwords, without_passwords

#: What is shorter may be a word that stands on the page for something else: it is hidden by its name only.
SHORTEST_SECRET = 12
#: Of variables. Django's list has parts of many others (``key``, ``author``), which a developer looks for.
_SECRET_VARIABLE = re.compile("PASSW|SECRET", re.IGNORECASE)
#: As PASSWORD_HASHERS has them.
_IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


class Filter(SafeExceptionReporterFilter):
    """Hides the passwords in addresses too, and what a frame holds under the name of a secret."""

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        cleansed = super().cleanse_setting(key, value)
        return without_passwords(cleansed) if isinstance(cleansed, str) else cleansed

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        for name, value in super().get_traceback_frame_variables(request, tb_frame):
            yield name, HIDDEN if _SECRET_VARIABLE.search(name) else _cleansed(value)


class Reporter(ExceptionReporter):
    """Hides each secret of the settings wherever else it stands: in an error's message, in a frame."""

    def get_traceback_html(self) -> SafeString:
        return _without(set(_secrets()), super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return _without(set(_secrets()), super().get_traceback_text())


def _cleansed(value: Any) -> Any:
    """Only one level, as variables may hold themselves; what lies deeper is the reporter's."""
    if type(value) is dict:
        return {key: HIDDEN if _SECRET_VARIABLE.search(str(key)) else item for key, item in value.items()}
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    return without_passwords(value) if isinstance(value, str) else value


def _without(secrets: set[str], text: str) -> SafeString:
    """Each part of a secret on its own, as what is between them is escaped in as many ways as there are."""
    parts = {part for each in secrets for part in re.findall(r"\w+", each) if len(part) >= SHORTEST_SECRET}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return mark_safe(text)  # noqa: S308 - as it came, from Django's own template


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
