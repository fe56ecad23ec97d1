"""Background work of accounts."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.utils import timezone

from app.accounts.mail import TRANSIENT, send_once
from app.accounts.models import Allowance, SignUp, Token
from switchyard import delete_in_batches


@shared_task(name="accounts.send_welcome_email", autoretry_for=TRANSIENT, max_retries=10, retry_backoff=5)
def send_welcome_email(user_id: int) -> None:
    """Welcome a new user by a mail with a token. Retried for half an hour while the mail server is away.

    Idempotent: the letter "welcome" is sent once to each user; see ``app.accounts.mail.send_once`` for the
    one moment in which a crash sends it twice. A user who has been deleted gets nothing.
    """
    _send("welcome", "Welcome to Switchyard", user_id)


@shared_task(name="accounts.send_token", autoretry_for=TRANSIENT, max_retries=10, retry_backoff=5)
def send_token(user_id: int, asked_at: str) -> None:
    """Mail another token to a user whose address was entered again.

    Idempotent: one letter for each ``asked_at``.
    """
    _send(f"token {asked_at}", "Your token for Switchyard", user_id)


def _send(letter: str, subject: str, user_id: int) -> None:
    user = get_user_model().objects.filter(pk=user_id, is_active=True).first()
    if user is not None:
        send_once(user, letter, subject, lambda: _text(user))


def _text(user: User) -> str:
    """With a new token, and no name: who enters a stranger's address must not choose what that one reads."""
    _, secret = Token.objects.issue(user)
    return (
        "Hello,\n\nsomebody has entered this address; if it was not you, there is nothing to do.\n"
        f"Your token is\n\n    {secret}\n\nfor {settings.TOKEN_LIFETIME_DAYS} days. Send it with each "
        f"request to {settings.PUBLIC_URL}:\n\n    Authorization: Bearer TOKEN\n"
    )


@shared_task(name="accounts.purge_expired_tokens")
def purge_expired_tokens() -> None:
    """Delete expired tokens and the counts of past hours.

    Idempotent: deletes what is expired at the moment. A run that is cut short keeps what it did.
    """
    delete_in_batches(Token.objects.filter(expires_at__lt=timezone.now()), by="expires_at")
    attempts = SignUp.objects.filter(created_at__lt=timezone.now() - timedelta(hours=1))
    delete_in_batches(attempts, by="created_at")
    delete_in_batches(Allowance.objects.filter(empty_at__lt=timezone.now()), by="empty_at")
