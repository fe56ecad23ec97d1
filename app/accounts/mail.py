"""Letters, by SMTP."""

from smtplib import SMTPException

from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User
from django.core.mail import EmailMessage

from app.accounts.lease import ClaimHeld
from app.accounts.models import Letter
from switchyard import released_database

#: What passes by itself. A task that sends a letter is retried for these.
TRANSIENT = (SMTPException, OSError, SoftTimeLimitExceeded, ClaimHeld)


def send_once(user: User, name: str, subject: str, text: str) -> None:
    """Send the letter ``name`` to ``user``, unless it was sent before. Raises one of ``TRANSIENT``.

    No database connection is held while the mail server is waited for. If the worker dies, or the database
    goes away, after the server took the mail and before that is written down, the letter is sent a second
    time once its claim has run out, under the same Message-ID.
    """
    letter, _ = Letter.objects.get_or_create(user=user, name=name)
    if letter.done_at:
        return
    mail = EmailMessage(subject, text, to=[user.email], headers={"Message-ID": letter.message_id})
    with letter.claimed(), released_database():
        mail.send()
