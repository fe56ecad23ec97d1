"""Letters, by SMTP."""

from collections.abc import Callable
from smtplib import SMTPException

from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User
from django.core.mail import EmailMessage

from app.accounts.lease import ClaimHeld
from app.accounts.models import Letter
from switchyard import released_database

#: What passes by itself. A task that sends a letter is retried for these.
TRANSIENT = (SMTPException, OSError, SoftTimeLimitExceeded, ClaimHeld)


def send_once(user: User, name: str, subject: str, text: str | Callable[[], str]) -> None:
    """Send the letter ``name`` to ``user``, unless it was sent before. Raises one of ``TRANSIENT``.

    A ``text`` that is made is made when it is sent.

    No database connection is held while the mail server is waited for. If the worker dies, or the database
    goes away, after the server took the mail and before that is written down, the letter is sent a second
    time once its claim has run out, under the same Message-ID.
    """
    letter, _ = Letter.objects.get_or_create(user=user, name=name)
    if letter.done_at:
        return
    with letter.claimed():
        written = text if isinstance(text, str) else text()
        mail = EmailMessage(subject, written, to=[user.email], headers={"Message-ID": letter.message_id})
        with released_database():
            mail.send()
