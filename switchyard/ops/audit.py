"""Writes down what people do, in one stream: a row that stays, and a line of the log (``audit``) beside it.

| what                       | about             | before, after             |
|----------------------------|-------------------|---------------------------|
| log_in, log_out            | the user          |                           |
| log_in_failed              | the name          |                           |
| add, change, delete        | a row of the admin| what was changed          |
| run_now                    | an entry          | the id of its task        |
| replay, discard, requeue   | queue or messages | how many were, are done   |

Values are without what is secret by its name. A failed log-in that cannot be written down fails nothing.
"""

from contextvars import ContextVar
from typing import Any

import structlog
from django.apps import apps
from django.contrib.auth import signals
from django.core.signals import request_finished, request_started
from django.db import Error
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.utils.module_loading import import_string

from switchyard.conf import conf
from switchyard.ops.models import AuditLine
from switchyard.redaction import redacted

#: As LogEntry has them, which a project without the admin cannot import.
FLAGS = {1: "add", 2: "change", 3: "delete"}
UNKNOWN = "unknown"

log = structlog.get_logger("switchyard.audit")

#: The request that runs, for what is written down by a signal which does not know it.
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
#: Before and after of the form that is being saved.
_change: ContextVar[tuple[Any, Any]] = ContextVar("change", default=(None, None))


def note(what: str, about: str, *, who: str, whence: str = "", before: Any = None, after: Any = None) -> None:
    """In the caller's transaction: what is rolled back was not done. Raises django.db.Error."""
    line = {
        "who": who[:255] or UNKNOWN,
        "whence": (whence or _client())[:100],
        "what": what,
        "about": about[:500],
        "before": redacted(before),
        "after": redacted(after),
    }
    AuditLine.objects.create(**line)
    log.info("audit", **line)


def note_form(form: Any) -> None:
    """What the form of a row changes, for the line that its saving leaves."""
    names = form.changed_data
    before = {name: _plain(form.initial.get(name)) for name in names}
    _change.set((before, {name: _plain(form.cleaned_data.get(name)) for name in names}))


def connect() -> None:
    if conf.CLIENT_ADDRESS:
        import_string(conf.CLIENT_ADDRESS)  # one that is not there is found out now
    request_started.connect(_began)
    request_finished.connect(_began)
    signals.user_logged_in.connect(_logged_in)
    signals.user_logged_out.connect(_logged_out)
    signals.user_login_failed.connect(_login_failed)
    if apps.is_installed("django.contrib.admin"):
        post_save.connect(_edited, sender=apps.get_model("admin", "LogEntry"))


def _client() -> str:
    """By SWITCHYARD_CLIENT_ADDRESS, a project's own function; without one the peer."""
    request = _request.get()
    if request is None:
        return UNKNOWN
    if conf.CLIENT_ADDRESS:
        return str(import_string(conf.CLIENT_ADDRESS)(request))
    return request.META.get("REMOTE_ADDR", "") or UNKNOWN


def _began(environ: dict[str, Any] | None = None, **_: Any) -> None:
    """A new request in this thread, or its end, or under ASGI one whose client is not known here."""
    request = None
    if environ is not None:
        request = HttpRequest()
        request.META = environ
    _request.set(request)
    _change.set((None, None))


def _logged_in(user: Any, **_: Any) -> None:
    note("log_in", user.get_username(), who=user.get_username())


def _logged_out(user: Any, **_: Any) -> None:
    if user is not None:
        note("log_out", user.get_username(), who=user.get_username())


def _login_failed(credentials: dict[str, Any], **_: Any) -> None:
    try:
        note("log_in_failed", str(credentials.get("username", UNKNOWN)), who=UNKNOWN)
    except Error as error:
        log.warning("not_audited", what="log_in_failed", reason=type(error).__name__)


def _edited(instance: Any, *, created: bool, **_: Any) -> None:
    """Of whatever the admin writes into its own history."""
    if not created:
        return
    before, after = _change.get()
    _change.set((None, None))
    what = FLAGS.get(instance.action_flag, "change")
    about = f"{instance.content_type} {instance.object_id or ''}: {instance.object_repr}"
    said = after if after is not None else instance.get_change_message() or None
    note(what, about, who=instance.user.get_username(), before=before, after=said)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | type(None)) else str(value)
