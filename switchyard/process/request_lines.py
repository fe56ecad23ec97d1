"""Hides what is secret in the address of a request before a line of the log has it.

The link of Django's password reset holds its token in the path, and others theirs in the query: whoever reads
the log could use it before the one it was sent to. What is secret its name tells, as everywhere.
"""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django_structlog import signals

from switchyard.redaction import HIDDEN, is_secret


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
