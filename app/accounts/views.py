"""``POST /signup``."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from app.accounts.api import endpoint
from app.accounts.body import read_form
from app.accounts.client import client_address
from app.accounts.forms import SignUpForm
from app.accounts.limits import of_signup
from app.accounts.tasks import send_token, send_welcome_email
from app.accounts.throttle import guard
from app.webhooks.events import record
from app.webhooks.models import Kind


@endpoint("POST")
def signup(request: HttpRequest) -> JsonResponse:
    """The same answer whether the address is known or not: the token goes to whoever reads its mail.

    So it is also the way to a new token, when the last has expired.
    """
    fields = read_form(request, SignUpForm)
    guard("address", *of_signup(client_address(request), fields["email"]))
    try:
        _register(**fields)
    except IntegrityError:
        _send_another_token(fields["email"])
    return JsonResponse({"email": fields["email"], "next": "A token comes by mail."}, status=202)


@transaction.atomic
def _register(email: str, name: str) -> User:
    """Raises IntegrityError if the address is taken."""
    user = get_user_model().objects.create_user(username=email, email=email, first_name=name)
    record(Kind.USER_SIGNED_UP, {"user_id": user.pk})
    send_welcome_email.delay_on_commit(user.pk)  # type: ignore[attr-defined]
    return user


@transaction.atomic
def _send_another_token(email: str) -> None:
    user = get_user_model().objects.filter(username=email, is_active=True).first()
    if user:
        send_token.delay_on_commit(user.pk, timezone.now().isoformat())  # type: ignore[attr-defined]
