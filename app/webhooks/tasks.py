"""Background work of webhooks."""

from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from app.accounts.lease import ClaimHeld
from app.accounts.mail import TRANSIENT as MAIL_TRANSIENT
from app.accounts.mail import send_once
from app.webhooks.addresses import TargetPrivate, TargetUnresolved
from app.webhooks.models import FINAL, Delivery, DeliveryState, Event, Target, shortened
from app.webhooks.post import NoAnswer, ask, post
from switchyard import delete_in_batches, released_database

#: Answers of a target that may be different next time, besides all 5xx.
TRANSIENT_STATUSES = {408, 425, 429}

#: A target that has failed for so long gets one attempt for each event.
PATIENCE = timedelta(hours=1)
#: And one that has failed for so long is switched off; its owner is told.
GIVEN_UP_AFTER = timedelta(days=3)
#: Until a target that has not answered its challenge makes room.
UNCONFIRMED_AT_MOST = timedelta(days=1)


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
        last = self.request.retries >= self.max_retries or _is_long(delivery.target.failing_since, PATIENCE)
        _put_off(delivery, error, last=last)
        if last and not isinstance(error, ClaimHeld):
            _note_failure(delivery.target, str(error))
        raise self.retry(exc=error, max_retries=0 if last else None) from error


@shared_task(bind=True, name="webhooks.confirm", max_retries=3, retry_backoff=60)
def confirm(self: Any, target_id: int) -> None:
    """Ask a target whether it wants to be told. Retried a few times in a quarter of an hour.

    Idempotent: the challenge is the same at each attempt, and a target that has answered is asked no more.
    A target that does not answer it is sent nothing, and is deleted after a day.
    """
    target = Target.objects.filter(pk=target_id, confirmed_at=None, active=True).first()
    if target is None:
        return
    rows = Target.objects.filter(pk=target.pk)
    try:
        with released_database():
            answered = ask(target)
    except TargetPrivate as error:
        rows.update(trouble=shortened(str(error)))
    except TRANSIENT as error:
        rows.update(trouble=shortened(str(error)))
        if self.request.retries < self.max_retries:
            raise self.retry(exc=error) from error
    else:
        if answered:
            rows.filter(confirmed_at=None).update(confirmed_at=timezone.now(), trouble="")
        else:
            rows.update(trouble="The target did not answer its challenge with the text of it.")


@shared_task(name="webhooks.tell_owner", autoretry_for=MAIL_TRANSIENT, max_retries=10, retry_backoff=5)
def tell_owner(target_id: int) -> None:
    """Tell the owner of a target by mail that it was switched off.

    Idempotent: one letter for each time; see ``app.accounts.mail.send_once``.
    """
    target = Target.objects.select_related("owner").filter(pk=target_id, active=False).first()
    if target is None or target.failing_since is None:
        return
    send_once(
        target.owner,
        f"target {target.pk} off since {target.failing_since:%Y-%m-%d %H:%M}",
        "A webhook of yours was switched off",
        f"Hello,\n\nno delivery to\n\n    {target.url}\n\nhas come through since "
        f"{target.failing_since:%Y-%m-%d %H:%M} UTC ({target.trouble}). It is sent nothing more.\n"
        "Register it again when it is back.\n",
    )


@shared_task(name="webhooks.purge")
def purge() -> None:
    """Delete what was told long ago (KEEP_EVENTS_DAYS), and targets that never answered their challenge.

    Idempotent: deletes what is old at the moment. A run that is cut short keeps what it did.
    """
    now = timezone.now()
    kept = now - timedelta(days=settings.KEEP_EVENTS_DAYS)
    delete_in_batches(Delivery.objects.filter(created_at__lt=kept), by="created_at")
    delete_in_batches(Event.objects.filter(occurred_at__lt=kept, deliveries=None), by="occurred_at")
    silent = Target.objects.filter(confirmed_at=None, created_at__lt=now - UNCONFIRMED_AT_MOST)
    delete_in_batches(silent, by="created_at")


def _attempt(delivery: Delivery) -> None:
    """Send, and write down a final answer. Raises what is in ``TRANSIENT`` for one that is not final."""
    if delivery.target.state != "confirmed":
        off = "is switched off" if not delivery.target.active else "has not answered its challenge"
        _finish(delivery, DeliveryState.REFUSED, error=f"The target {off}.")
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
        Target.objects.filter(pk=delivery.target_id, failing_since__isnull=False).update(failing_since=None)
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


@transaction.atomic
def _note_failure(target: Target, error: str) -> None:
    """A delivery has failed for good. After days of it the target is switched off."""
    rows = Target.objects.filter(pk=target.pk, active=True)
    rows.filter(failing_since=None).update(failing_since=timezone.now())
    given_up = rows.filter(failing_since__lt=timezone.now() - GIVEN_UP_AFTER)
    if given_up.update(active=False, trouble=shortened(error)):
        tell_owner.delay_on_commit(target.pk)  # type: ignore[attr-defined]


def _is_long(since: Any, time: timedelta) -> bool:
    return since is not None and timezone.now() - since > time
