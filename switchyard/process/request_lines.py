"""Keeps the lines of a request in the log as they are meant: by its number, and without secrets.

A request may bring its own number (X-Request-ID, X-Correlation-ID), which goes into every line and into the
messages of its tasks. One that is anything else than a number or a name is dropped before anybody reads it.

The link of Django's password reset holds its token in the path, and others theirs in the query: whoever reads
the log could use it before the one it was sent to. What is secret its name tells, as everywhere.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.decorators import sync_and_async_middleware
from django_structlog import signals

from switchyard.redaction import HIDDEN, is_secret

NUMBERS = ("HTTP_X_REQUEST_ID", "HTTP_X_CORRELATION_ID")
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")


@sync_and_async_middleware
def RequestIds(get_response: Any) -> Any:  # noqa: N802 - a middleware, named as those that are classes
    """Drops what is no number: 1 to 128 letters, digits and ``._:/+=-``. Goes before django-structlog's."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        _drop_others(request)
        return get_response(request)  # type: ignore[no-any-return]

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        _drop_others(request)
        return await get_response(request)  # type: ignore[no-any-return]

    return answer_async if iscoroutinefunction(get_response) else answer


def _drop_others(request: HttpRequest) -> None:
    for name in NUMBERS:
        if not _NUMBER.fullmatch(request.META.get(name, "")):
            request.META.pop(name, None)


def connect() -> None:
    for signal in (
        signals.bind_extra_request_metadata,
        signals.bind_extra_request_finished_metadata,
        signals.bind_extra_request_failed_metadata,
    ):
        signal.connect(_hide)


def address(request: HttpRequest) -> str:
    """Path and query as they came, but for what is secret."""
    query = request.META.get("QUERY_STRING", "")
    return _path(request) + (f"?{_query(query)}" if query else "")


def _path(request: HttpRequest) -> str:
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    for name, value in _named_parts(request).items():
        if is_secret(name):
            path = path.replace(quote(str(value), safe=""), HIDDEN)
    return path


def _named_parts(request: HttpRequest) -> dict[str, Any]:
    """What the pattern of the URL names. Before the view is chosen it is looked for; there may be none."""
    try:
        return (request.resolver_match or resolve(request.path_info)).kwargs
    except Resolver404:
        return {}


def _query(query: str) -> str:
    parts = parse_qsl(query, keep_blank_values=True)
    if not any(is_secret(name) for name, _ in parts):
        return query
    return urlencode([(name, HIDDEN if is_secret(name) else value) for name, value in parts], safe="*")


def _hide(*, request: HttpRequest, log_kwargs: dict[str, Any], **_: Any) -> None:
    if "request" in log_kwargs:
        log_kwargs["request"] = f"{request.method} {address(request)}"
