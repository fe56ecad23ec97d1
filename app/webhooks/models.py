"""What happened (Event), who wants to know (Target), and each telling of the one to the other (Delivery)."""

import uuid
from base64 import b64encode
from secrets import token_bytes, token_urlsafe

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from app.accounts.lease import Claim


class Kind(models.TextChoices):
    """The kinds of events there are. What each one's data holds is said in ``app/accounts/openapi.yaml``."""

    USER_SIGNED_UP = "user.signed_up"
    REPORT_DONE = "report.done"


class Event(models.Model):
    """Something that happened. ``data`` holds ids and times only: anybody's target may receive it."""

    kind = models.CharField(max_length=50, choices=Kind)
    occurred_at = models.DateTimeField(default=timezone.now)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = (models.Index(fields=["occurred_at", "kind"], name="event_by_time"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


def new_secret() -> str:
    """As Standard Webhooks writes one."""
    return f"whsec_{b64encode(token_bytes(32)).decode()}"


def new_challenge() -> str:
    return token_urlsafe(24)


class Target(models.Model):
    """A URL that wants to hear of some kinds of events, once whoever has it has said so.

    Until it has answered its challenge (``confirmed_at``) it is sent nothing else. A row of a release that
    knew no challenge counts as confirmed.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="targets")
    url = models.URLField(max_length=500)
    events = models.JSONField(default=list, help_text="list of kinds")
    host = models.CharField(max_length=255, default="", db_default="", db_index=True)
    secret = models.CharField(max_length=64, default=new_secret, help_text="key of the signature")
    earlier_secret = models.CharField(max_length=64, default="", db_default="", blank=True)
    earlier_secret_until = models.DateTimeField(null=True)
    challenge = models.CharField(max_length=64, default=new_challenge, db_default="")
    confirmed_at = models.DateTimeField(null=True, default=timezone.now, db_default=Now())
    active = models.BooleanField(default=True)
    failing_since = models.DateTimeField(null=True, help_text="no delivery has come through since")
    trouble = models.CharField(max_length=300, default="", db_default="", help_text="why it is not told")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["owner", "url"], name="one_target_for_each_url"),)

    def __str__(self) -> str:
        return self.url

    @property
    def state(self) -> str:
        if not self.active:
            return "disabled"
        return "confirmed" if self.confirmed_at else "unconfirmed"

    @property
    def secrets(self) -> list[str]:
        """Those that sign: during a rotation two."""
        until = self.earlier_secret_until
        earlier = [self.earlier_secret] if until and until > timezone.now() else []
        return [self.secret, *earlier]


class DeliveryState(models.TextChoices):
    """Refused: an answer, or a target, that trying again would not change. Failed: every attempt failed; it
    may still become delivered, when its message is replayed or it is sent again from the admin.
    """

    WAITING = "waiting"
    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"


#: Not sent again, unless somebody asks for it in the admin.
FINAL = (DeliveryState.DELIVERED, DeliveryState.REFUSED)

ERROR_LIMIT = 300


class Delivery(Claim):
    """One event for one target."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(
        max_length=10, choices=DeliveryState, default=DeliveryState.WAITING, db_index=True
    )
    attempts = models.PositiveIntegerField(default=0)
    last_status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status of the last answer")
    last_error = models.CharField(max_length=ERROR_LIMIT, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (models.UniqueConstraint(fields=["event", "target"], name="one_delivery_each"),)
        indexes = (models.Index(fields=["created_at"], name="delivery_by_time"),)

    def __str__(self) -> str:
        return f"delivery {self.pk}"


def shortened(error: str) -> str:
    """As much of an error as its column holds."""
    return error[:ERROR_LIMIT]
