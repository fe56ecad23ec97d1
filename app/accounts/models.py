"""Tokens, what is used up of the limits, and letters: mails that are sent once."""

from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from app.accounts.lease import Claim


class TokenManager(models.Manager["Token"]):
    def issue(self, user: User) -> tuple["Token", str]:
        """A new token for ``user`` and its secret, which can be had only here: the row keeps a digest."""
        secret = token_urlsafe(32)
        expires_at = timezone.now() + timedelta(days=settings.TOKEN_LIFETIME_DAYS)
        return self.create(user=user, digest=digest_of(secret), expires_at=expires_at), secret

    def user_of(self, secret: str) -> User | None:
        """The active user that ``secret`` was issued to, unless it has expired."""
        tokens = self.filter(digest=digest_of(secret), expires_at__gt=timezone.now(), user__is_active=True)
        token = tokens.select_related("user").first()
        return token.user if token else None


class Token(models.Model):
    """Says who is asking, as ``Authorization: Bearer SECRET``."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret, in hex")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = TokenManager()

    def __str__(self) -> str:
        return f"token of {self.user} until {self.expires_at:%Y-%m-%d}"


class Allowance(models.Model):
    """How much of a limit is used up: see ``app.accounts.throttle``."""

    key = models.CharField(max_length=200, primary_key=True)
    empty_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class SignUp(models.Model):
    """One attempt to sign up, as the release before counts them, which may still run beside this one."""

    address = models.CharField(max_length=50)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        indexes = (models.Index(fields=["address", "created_at"], name="signup_by_address"),)

    def __str__(self) -> str:
        return f"sign-up from {self.address}"


class Letter(Claim):
    """One mail to one user. ``done_at`` is when the mail server took it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="letters")
    name = models.CharField(max_length=100, help_text="what it is about; a user gets one letter of each name")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "name"], name="one_letter_of_each_name"),)

    def __str__(self) -> str:
        return f"letter {self.name!r} to {self.user}"

    @property
    def message_id(self) -> str:
        """The same at every attempt, so that a mailbox that gets a letter twice can drop one."""
        return f"<letter-{self.pk}-{self.created_at:%Y%m%d%H%M%S}@{urlsplit(settings.PUBLIC_URL).hostname}>"


def digest_of(secret: str) -> str:
    """A plain hash is enough: the secret is 256 random bits, so there is no dictionary to try."""
    return sha256(secret.encode()).hexdigest()
