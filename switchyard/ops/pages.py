"""Guards and renders every page of operations."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import Error, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from switchyard.conf import conf
from switchyard.identity import environment
from switchyard.identity.installation import foreign
from switchyard.ops import timeouts
from switchyard.postgresql.limits import limited
from switchyard.sqlstate import is_cancelled

View = Callable[..., HttpResponse]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
#: The header with which switchyard/static/switchyard/live.js asks for the part of a page that changes.
LIVE_PART = "X-Live-Part"

#: Instead of a page, where the database does not say who is asking.
LOCKED = (
    "<!doctype html><html lang=en><title>Service Unavailable</title><h1>The database is held up</h1><p>It "
    "did not answer within {} s; nothing was done. Something holds a lock: <code>SELECT pid, "
    "pg_blocking_pids(pid), query FROM pg_stat_activity WHERE wait_event_type = 'Lock'</code> says what."
)
RETRY_AFTER_SECONDS = 5

#: Page to its address below the admin's, in the order in which they are shown.
TABS = {
    "Queues": "admin:switchyard_operations_changelist",
    "Dead letters": "admin:switchyard_deadletters",
    "Schedule": "admin:switchyard_schedule",
    "Outbox": "admin:switchyard_outbox",
}


def allowed(request: HttpRequest, permission: str) -> bool:
    """Whether the user has ``view``, ``replay``, ``discard`` or ``payload`` (switchyard/ops/models.py)."""
    return request.user.has_perm(f"switchyard.{permission}")


def demand(request: HttpRequest, permission: str) -> None:
    """Raises PermissionDenied, which is answered with 403."""
    if not allowed(request, permission):
        raise PermissionDenied


def page(*methods: str) -> Callable[[View], View]:
    """A page of the admin that answers ``methods`` to staff who may view."""

    def decorate(view: View) -> View:
        @require_http_methods([*methods, "HEAD"])
        def permitted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            demand(request, "view")
            return view(request, *args, **kwargs)

        inside = admin.site.admin_view(permitted)

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = _in_time(request, lambda: inside(request, *args, **kwargs))
            response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
            response["Referrer-Policy"] = "same-origin"
            return response

        return answer

    return decorate


def _in_time(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """What ``answer`` returns, or that a lock is in the way: all that it asks is ended when nobody waits on.

    What it does is one transaction, so that an act that is ended so has done nothing.
    """
    seconds = timeouts.ACT_SECONDS if request.method == "POST" else timeouts.PAGE_SECONDS
    try:
        with limited(seconds):
            response = answer()
            # What a template asks is asked here too.
            return response.render() if isinstance(response, SimpleTemplateResponse) else response
    except OperationalError as error:
        if not is_cancelled(error):
            raise
    # Whoever asks next who this is, as a log does, would wait again.
    request.user = AnonymousUser()
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Cache-Control": "no-store"}
    return HttpResponse(LOCKED.format(seconds), status=503, headers=headers)


def _foreign() -> str:
    """For the head of a page, which has more to show than whose database it is."""
    try:
        return foreign()
    except Error:
        return ""


def shown(
    request: HttpRequest, name: str, title: str, context: Mapping[str, Any], status: int = 200
) -> TemplateResponse:
    """The template ``switchyard/NAME.html``, or for live.js only ``NAME_live.html`` where there is one."""
    parts = ["_live", ""] if request.headers.get(LIVE_PART) else [""]
    common = {
        **admin.site.each_context(request),
        "title": title,
        "tabs": TABS,
        "now": timezone.now(),
        "command": conf.COMMAND,
        "foreign": _foreign,
        "environment": environment.name(),
        "environment_colour": environment.colour(),
        "may": {name: allowed(request, name) for name in ("replay", "discard", "payload")},
    }
    templates = [f"switchyard/{name}{part}.html" for part in parts]
    return TemplateResponse(request, templates, {**common, **context}, status=status)
