"""Recording what happened, and telling those who want to know."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from app.webhooks.models import Delivery, Event, Kind, Target
from app.webhooks.tasks import deliver


@transaction.atomic
def record(kind: Kind, data: dict[str, Any], owner: User | None = None) -> Event:
    """Insert an event with a delivery for each target that wants it, to be sent on commit.

    ``owner`` is whose business it is: the targets of other users are not told, those of staff are. Without
    an owner every target with this kind is told, so ``data`` must be ids and times that say nothing of a
    person.
    """
    event = Event.objects.create(kind=kind, data=data)
    targets = Target.objects.filter(
        active=True, confirmed_at__isnull=False, owner__is_active=True, events__contains=[kind]
    )
    if owner:
        targets = targets.filter(Q(owner=owner) | Q(owner__is_staff=True))
    deliveries = [Delivery(event=event, target=target) for target in targets]
    for delivery in Delivery.objects.bulk_create(deliveries, batch_size=1000):
        deliver.delay_on_commit(str(delivery.pk))  # type: ignore[attr-defined]
    return event
