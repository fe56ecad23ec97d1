"""What the JSON endpoints share: bearer authentication, and how a problem is answered.

Every problem has the same shape: ``{"errors": {where: [sentence, ...]}}``, where ``where`` is a field of the
body, ``body`` for the whole of it, or the part of the request that was wrong (``authorization``, ``method``).
The body itself is read in ``app/accounts/body.py``.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from app.accounts.models import Token

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
            f"POST {url_of('signup')} mails one."
        )
        raise Problem(401, {"authorization": [sentence]}, {"WWW-Authenticate": "Bearer"})
    return user


def not_found(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For ``handler404``: what is not an endpoint is answered like one."""
    return Problem(404, {"path": ["Nothing is found at this address."]}).response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For ``handler400``: what Django refuses before any view sees it, such as a host that is not ours."""
    if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        return defaults.bad_request(request, exception)
    return Problem(400, {"request": ["The request is not one that can be answered."]}).response


def url_of(name: str, *args: Any) -> str:
    """The public URL of a view, also for mails, where there is no request to take the host from."""
    return f"{settings.PUBLIC_URL}{reverse(name, args=args)}"


def _allow(request: HttpRequest, methods: tuple[str, ...]) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise Problem(405, {"method": [f"Expected {allowed}, got {request.method}."]}, {"Allow": allowed})
