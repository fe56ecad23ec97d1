"""Background work of accounts."""

from celery import shared_task
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from app.accounts import throttle
from app.accounts.mail import TRANSIENT, send_once
from app.accounts.models import SignUp, Token
from switchyard import delete_in_batches


@shared_task(name="accounts.send_welcome_email", autoretry_for=TRANSIENT, max_retries=10, retry_backoff=5)
def send_welcome_email(user_id: int) -> None:
    """Welcome a new user by mail. Retried for about half an hour while the mail server is away.

    Idempotent: the letter "welcome" is sent once to each user; see ``app.accounts.mail.send_once`` for the
    one moment in which a crash sends it twice. A user who has been deleted gets nothing.
    """
    user = get_user_model().objects.filter(pk=user_id).first()
    if user is None:
        return
    send_once(
        user,
        "welcome",
        "Welcome to Switchyard",
        # Not the name: whoever signs up with a stranger's address must not choose what the stranger reads.
        "Hello,\n\nyour account is ready. The answer to your sign-up held a token; send it with each\n"
        f"request to {settings.PUBLIC_URL}:\n\n    Authorization: Bearer TOKEN\n",
    )


@shared_task(name="accounts.purge_expired_tokens")
def purge_expired_tokens() -> None:
    """Delete expired tokens and the sign-up counts of past hours.

    Idempotent: deletes what is expired at the moment. A run that is cut short keeps what it did.
    """
    delete_in_batches(Token.objects.filter(expires_at__lt=timezone.now()), by="expires_at")
    attempts = SignUp.objects.filter(created_at__lt=timezone.now() - throttle.WINDOW)
    delete_in_batches(attempts, by="created_at")
