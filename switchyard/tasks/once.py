"""Makes an effect in the database happen once, however often its task runs.

    @shared_task(name="billing.charge")
    def charge(invoice_id: int) -> None:
        with transaction.atomic():
            if once(f"invoice {invoice_id}"):
                Balance.objects.filter(...).update(amount=F("amount") - price)

The mark and the effect are one transaction: both are there or neither is. An effect elsewhere (a mail, an
HTTP request) cannot be: it carries a key that is the same at every attempt, the task's id or its row's, and
is leased to one run at a time. A task whose effect is a unique row, or a row that is locked and changes its
state, needs neither.
"""

from datetime import timedelta

from celery import current_task, shared_task
from django.db import connections, router
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from switchyard.database import delete_in_batches, in_own_transaction
from switchyard.tasks.models import Once

#: How long a mark is kept. A dead letter that is replayed later than this has its effect a second time.
KEPT = timedelta(days=90)


def once(key: str, *, task: str | None = None) -> bool:
    """True for the first who asks for ``key`` (200 characters) in a task and commits; False for every other.

    Another run that asks at the same time waits until the first has committed or rolled back. ``task`` is the
    running one. Raises TransactionManagementError outside a transaction, where the mark would be committed
    before the effect, and RuntimeError outside a task without ``task``.
    """
    _require_transaction(key)
    _, first = Once.objects.get_or_create(task=task or _running_task(key), key=key)
    return first


@shared_task(name="switchyard.purge_once")
def purge_once() -> None:
    """Delete the marks of ``once`` that are older than ``KEPT``.

    Idempotent: deletes what is too old at the moment.
    """
    delete_in_batches(Once.objects.filter(created_at__lt=timezone.now() - KEPT), by="created_at")


def _require_transaction(key: str) -> None:
    if not in_own_transaction(connections[router.db_for_write(Once)]):
        raise TransactionManagementError(
            f"once({key!r}) was called outside a transaction: its mark would be committed before the effect, "
            "and a crash in between would lose the effect. Write both into one `with transaction.atomic():`."
        )


def _running_task(key: str) -> str:
    if not current_task:
        raise RuntimeError(
            f"once({key!r}) was called outside a task, so there is no name for the key to belong to. "
            'Pass one: once(key, task="billing.charge").'
        )
    return str(current_task.name)
