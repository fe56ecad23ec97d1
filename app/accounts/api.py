"""What the JSON endpoints share: reading a body, bearer authentication, and how a problem is answered.

Every problem has the same shape: ``{"errors": {where: [sentence, ...]}}``, where ``where`` is a field of the
body, ``body`` for the whole of it, or the part of the request that was wrong (``authorization``, ``method``).
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from app.accounts.models import Token

BODY_LIMIT_BYTES = 64 * 1024

View = Callable[..., HttpResponseBase]


class Problem(Exception):
    """An answer that is not the one that was asked for."""

    def __init__(self, status: int, errors: dict[str, list[str]], headers: dict[str, str] | None = None):
        super().__init__(status, errors)
        self.response = JsonResponse({"errors": errors}, status=status, headers=headers)


def endpoint(*methods: str) -> Callable[[View], View]:
    """Let a view answer ``methods`` and raise ``Problem``.

    No CSRF token is needed, since only the Authorization header says who is asking, never a cookie.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                _allow(request, methods)
                response = view(request, *args, **kwargs)
            except Problem as problem:
                response = problem.response
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return decorate


def authenticate(request: HttpRequest) -> User:
    """The user whose token the Authorization header holds. Raises Problem 401."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    user = Token.objects.user_of(secret.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        sentence = (
            "Expected the header 'Authorization: Bearer TOKEN' with a token that has not expired; "
            f"POST {url_of('signup')} answers with one."
        )
        raise Problem(401, {"authorization": [sentence]}, {"WWW-Authenticate": "Bearer"})
    return user


def read_form(request: HttpRequest, form: type[forms.Form]) -> dict[str, Any]:
    """The cleaned fields of a JSON object. Raises Problem 400 with a reason for each field."""
    body = _read_object(request)
    filled = form(body)
    errors = {name: [str(reason) for reason in reasons] for name, reasons in filled.errors.items()}
    for name in body.keys() - form.base_fields.keys():
        errors[name] = [f"Unknown field. Known are: {', '.join(form.base_fields)}."]
    if errors:
        raise Problem(400, errors)
    return filled.cleaned_data


def not_found(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For ``handler404``: what is not an endpoint is answered like one."""
    return Problem(404, {"path": ["Nothing is found at this address."]}).response


def url_of(name: str, *args: Any) -> str:
    """The public URL of a view, also for mails, where there is no request to take the host from."""
    return f"{settings.PUBLIC_URL}{reverse(name, args=args)}"


def _allow(request: HttpRequest, methods: tuple[str, ...]) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise Problem(405, {"method": [f"Expected {allowed}, got {request.method}."]}, {"Allow": allowed})


def _read_object(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json":
        _refuse(f"Expected Content-Type: application/json, got {request.content_type or 'none'}.")
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_LIMIT_BYTES:
        _refuse(f"Expected at most {BODY_LIMIT_BYTES} bytes, got {request.META['CONTENT_LENGTH']}.")
    body = _parse(request.body)
    if not isinstance(body, dict):
        _refuse('Expected a JSON object, as {"field": ...}.')
    return body


def _parse(raw: bytes) -> Any:
    try:
        body = json.loads(raw.decode(), parse_constant=_not_json)
        # A lone surrogate is valid JSON, but not text that a database or a mail can hold.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        _refuse(f"Expected JSON in UTF-8: {error}.")
    return body


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _refuse(sentence: str) -> NoReturn:
    raise Problem(400, {"body": [sentence]})
