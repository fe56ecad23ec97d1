"""``POST /signup``."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest, JsonResponse

from app.accounts import throttle
from app.accounts.api import Problem, endpoint
from app.accounts.body import read_form
from app.accounts.forms import SignUpForm
from app.accounts.models import Token
from app.accounts.tasks import send_welcome_email
from app.webhooks.events import record
from app.webhooks.models import Kind


@endpoint("POST")
def signup(request: HttpRequest) -> JsonResponse:
    fields = read_form(request, SignUpForm)
    _admit(request)
    try:
        user, token, secret = _register(**fields)
    except IntegrityError as error:
        raise Problem(400, {"email": ["An account with this address exists already."]}) from error
    return JsonResponse(
        {"id": user.pk, "email": user.email, "token": secret, "token_expires_at": token.expires_at},
        status=201,
    )


def _admit(request: HttpRequest) -> None:
    """Before the database is asked about the address, so that addresses cannot be tried out at will."""
    try:
        throttle.admit(throttle.client_address(request))
    except throttle.TooManySignUps as error:
        seconds = error.args[0]
        raise Problem(
            429,
            {"address": [f"Too many sign-ups from your address. Try again in {seconds} seconds."]},
            {"Retry-After": str(seconds)},
        ) from error


@transaction.atomic
def _register(email: str, name: str) -> tuple[User, Token, str]:
    """A user with a token. Raises IntegrityError if the address is taken."""
    user = get_user_model().objects.create_user(username=email, email=email, first_name=name)
    token, secret = Token.objects.issue(user)
    record(Kind.USER_SIGNED_UP, {"user_id": user.pk})
    send_welcome_email.delay_on_commit(user.pk)  # type: ignore[attr-defined]
    return user, token, secret
