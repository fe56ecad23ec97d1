"""Reads the JSON object that a request brings."""

import json
from typing import Any, NoReturn, Protocol

from django import forms
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from app.accounts.api import Problem

BODY_LIMIT_BYTES = 64 * 1024
#: Of lists and objects in each other; no form of ours has more than two.
DEPTH_LIMIT = 16


class Stream(Protocol):
    def read(self, size: int) -> bytes: ...


def read_form(request: HttpRequest, form: type[forms.Form]) -> dict[str, Any]:
    """The cleaned fields of a JSON object. Raises Problem 400 with a reason for each field, 411 or 413."""
    body = _read_object(request)
    filled = form(body)
    errors = {name: [str(reason) for reason in reasons] for name, reasons in filled.errors.items()}
    for name in body.keys() - form.base_fields.keys():
        errors[name] = [f"Unknown field. Known are: {', '.join(form.base_fields)}."]
    if errors:
        raise Problem(400, errors)
    return filled.cleaned_data


def _read_object(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json":
        _refuse(f"Expected Content-Type: application/json, got {request.content_type or 'none'}.")
    body = _parse(_read(request))
    if not isinstance(body, dict):
        _refuse('Expected a JSON object, as {"field": ...}.')
    return body


def _read(request: HttpRequest) -> bytes:
    """No more than is allowed, whatever length the client says, or does not say."""
    said = request.META.get("CONTENT_LENGTH") or ""
    if said.isdecimal() and int(said) > BODY_LIMIT_BYTES:
        _refuse(f"Expected at most {BODY_LIMIT_BYTES} bytes, got {said}.", status=413)
    try:
        raw = request.body if said else _stream(request).read(BODY_LIMIT_BYTES + 1)
    except OSError:
        _refuse("The body broke off before its end.")
    if len(raw) > BODY_LIMIT_BYTES:
        _refuse(f"Expected at most {BODY_LIMIT_BYTES} bytes, got more.", status=413)
    return raw


def _stream(request: HttpRequest) -> Stream:
    """The server's own for a body in chunks, which has no length and so is empty to Django."""
    if "Transfer-Encoding" not in request.headers or not isinstance(request, WSGIRequest):
        return request
    if not request.environ.get("wsgi.input_terminated"):
        _refuse("Expected the header Content-Length: a body in chunks is not read here.", status=411)
    stream: Stream = request.environ["wsgi.input"]
    return stream


def _parse(raw: bytes) -> Any:
    try:
        body = json.loads(raw.decode(), parse_constant=_not_json)
        # A lone surrogate is valid JSON, but not text that a database or a mail can hold.
        json.dumps(body, ensure_ascii=False).encode()
        _bound_depth(body)
    except (ValueError, RecursionError) as error:
        _refuse(f"Expected JSON in UTF-8: {error}.")
    return body


def _bound_depth(body: Any) -> None:
    """Raises ValueError. Level by level, as what is too deep for the parser is too deep for a function."""
    level = [body]
    for _ in range(DEPTH_LIMIT + 1):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise ValueError(f"lists and objects are more than {DEPTH_LIMIT} deep in each other")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _refuse(sentence: str, status: int = 400) -> NoReturn:
    raise Problem(status, {"body": [sentence]})
