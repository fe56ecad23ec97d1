"""Background work of webhooks."""

from typing import Any

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import F

from app.accounts.lease import ClaimHeld
from app.webhooks.addresses import TargetPrivate, TargetUnresolved
from app.webhooks.models import FINAL, Delivery, DeliveryState, shortened
from app.webhooks.post import NoAnswer, post
from switchyard import released_database

#: Answers of a target that may be different next time, besides all 5xx.
TRANSIENT_STATUSES = {408, 425, 429}


class Unavailable(Exception):
    """Raised when a target answers that it cannot take the delivery now."""


TRANSIENT = (Unavailable, NoAnswer, TargetUnresolved, SoftTimeLimitExceeded, ClaimHeld)


@shared_task(bind=True, name="webhooks.deliver", max_retries=8, retry_backoff=10)
def deliver(self: Any, delivery_id: str) -> None:
    """Send one event to one target. Retried for about half an hour while the target is away.

    Idempotent: a delivery that was delivered or refused is not sent again. A crash between the target's
    answer and our commit sends it a second time, under the same Idempotency-Key.

    After the last attempt the delivery is ``failed`` and the exception is raised all the same, so that the
    message ends in the dead-letter queue: from there it can be replayed when the target is back, and such a
    run sends it. An answer that more attempts would not change (``refused``) is an outcome, not a failure.
    """
    delivery = Delivery.objects.select_related("event", "target").filter(pk=delivery_id).first()
    if delivery is None or delivery.state in FINAL:
        return
    try:
        with delivery.claimed():
            _attempt(delivery)
    except TRANSIENT as error:
        _put_off(delivery, error, last=self.request.retries >= self.max_retries)
        raise self.retry(exc=error) from error


def _attempt(delivery: Delivery) -> None:
    """Send, and write down a final answer. Raises what is in ``TRANSIENT`` for one that is not final."""
    if not delivery.target.active:
        _finish(delivery, DeliveryState.REFUSED, error="The target is switched off.")
        return
    Delivery.objects.filter(pk=delivery.pk).update(attempts=F("attempts") + 1)
    try:
        with released_database():
            status = post(delivery)
    except TargetPrivate as error:
        _finish(delivery, DeliveryState.REFUSED, error=str(error))
    else:
        _judge(delivery, status)


def _judge(delivery: Delivery, status: int) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(last_status=status)
    answer = f"The target answered {status}."
    if 200 <= status < 300:
        _finish(delivery, DeliveryState.DELIVERED)
    elif status >= 500 or status in TRANSIENT_STATUSES:
        raise Unavailable(answer)
    else:
        _finish(delivery, DeliveryState.REFUSED, error=answer)


def _finish(delivery: Delivery, state: DeliveryState, error: str = "") -> None:
    Delivery.objects.filter(pk=delivery.pk).update(state=state, last_error=shortened(error))


def _put_off(delivery: Delivery, error: Exception, *, last: bool) -> None:
    """Unless another run of the same message has finished it in the meantime."""
    state = DeliveryState.FAILED if last else DeliveryState.WAITING
    unfinished = Delivery.objects.filter(pk=delivery.pk).exclude(state__in=FINAL)
    unfinished.update(state=state, last_error=shortened(str(error)))
