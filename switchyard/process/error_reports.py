"""Django's reports of an error (the debug page, mails to ADMINS) without the secrets of the settings.

Django hides a setting by its name: neither an address with a password in it, nor what a frame of the
traceback holds of one, which is how a failed login to the database shows its password. For the settings:

    DEFAULT_EXCEPTION_REPORTER = "switchyard.process.error_reports.Reporter"
    DEFAULT_EXCEPTION_REPORTER_FILTER = "switchyard.process.error_reports.Filter"
"""

import re
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from switchyard.redaction import HIDDEN, without_passwords, without_secrets_of_settings

#: Of variables. Django's list has parts of many others (``key``, ``author``), which a developer looks for.
_SECRET_VARIABLE = re.compile("PASSW|SECRET", re.IGNORECASE)


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
        return mark_safe(without_secrets_of_settings(super().get_traceback_html()))  # noqa: S308 - Django's own

    def get_traceback_text(self) -> SafeString:
        return mark_safe(without_secrets_of_settings(super().get_traceback_text()))  # noqa: S308


def _cleansed(value: Any) -> Any:
    """Only one level, as variables may hold themselves; what lies deeper is the reporter's."""
    if type(value) is dict:
        return {key: HIDDEN if _SECRET_VARIABLE.search(str(key)) else item for key, item in value.items()}
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    return without_passwords(value) if isinstance(value, str) else value
