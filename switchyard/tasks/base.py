"""Defines the base class of every task in the project."""

from typing import TYPE_CHECKING, Any

from celery.contrib.django.task import DjangoTask
from celery.exceptions import Reject, Retry, SoftTimeLimitExceeded

from switchyard.outage import NOT_SENT, BrokerAway
from switchyard.outbox.amqp import captured
from switchyard.outbox.calls import (
    refuse_arguments,
    refuse_destination,
    refuse_open_transaction,
)
from switchyard.outbox.moments import countdown_of, refuse_expiry
from switchyard.outbox.sending import keep
from switchyard.outbox.template import OPTIONS, plain_call
from switchyard.routing import queue_for
from switchyard.tasks import retries
from switchyard.tasks.discarded import Result

if TYPE_CHECKING:
    Base = DjangoTask[..., Any]
else:
    # Celery 5.6 has a class that takes no parameters.
    Base = DjangoTask


class RoutedTask(Base):
    """A task that goes where ``ROUTES`` sends it and is never acknowledged before it is done.

    Its limits are its queue's. It may run twice (a lost worker), so it says in its docstring what makes the
    second run harmless. When it fails for good, its message goes to the queue's dead-letter queue.

    Retries: for the exceptions in ``autoretry_for`` or by ``self.retry(exc=...)``; as often and after as long
    as is declared in Celery's words, and else as ``tasks.retries`` says.
    """

    abstract = True
    Request = "switchyard.worker.request:JournaledRequest"
    override_max_retries = retries.OverriddenRetries()
    #: The name of its queue.
    routed_to = ""

    @classmethod
    def on_bound(cls, app: Any) -> None:
        """Look up the queue once, and take its limits and our retries unless the task has its own."""
        if not retries.is_said(cls, "max_retries"):
            cls.max_retries = retries.MOST_RETRIES
        spec = queue_for(cls.name or "")
        if spec:
            cls.routed_to = spec.name
            cls.soft_time_limit = cls.soft_time_limit or spec.soft_limit_seconds
            cls.time_limit = cls.time_limit or spec.hard_limit_seconds

    def apply_async(self, args: Any = None, kwargs: Any = None, *positional: Any, **options: Any) -> Any:
        """Send the task now. For code outside a transaction, as in a worker.

        Raises switchyard.TaskCallError before anything is sent; kombu.exceptions.OperationalError when
        the broker is away.
        """
        # A retry names the exchange it came from, and is allowed inside the transaction that it ends.
        if not options.get("retries"):
            refuse_destination(self.name, options)
            refuse_open_transaction(self.name)
        refuse_arguments(self.name, args, kwargs)
        options["countdown"] = countdown_of(self.name, options)
        options.pop("eta", None)
        refuse_expiry(self.name, options.get("expires"))
        return super().apply_async(args, kwargs, *positional, **options)

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> str:  # type: ignore[override]
        """Send the task with the caller's transaction, or in one of its own. Returns its id at once.

        The message is a row of the outbox: committed with the caller's rows or gone with them, and brought to
        the broker by the relay, whenever that is there again.
        """
        return self.apply_async_on_commit(args, kwargs)

    def apply_async_on_commit(  # type: ignore[override]
        self, args: Any = None, kwargs: Any = None, *, using: str | None = None, **options: Any
    ) -> str:
        """As ``delay_on_commit``, with Celery's options. A countdown counts from here, not from the commit.

        A transaction on any database counts; ``using`` names the one that does (``outbox.sending.keep``).
        Raises switchyard.TaskCallError before anything is kept. What the database refuses is raised by
        the commit, which rolls back.
        """
        if OPTIONS.issuperset(options):
            task_id, rows = plain_call(self, super().apply_async, args, kwargs, **options)
            keep(rows, using)
            return task_id
        with captured() as rows:
            result = self.apply_async(args, kwargs, **options)
        keep(rows, using)
        return str(result.id)

    def AsyncResult(self, task_id: str, **options: Any) -> Result:  # noqa: N802 - Celery's name
        """What is known of a call, by its id. Celery's ``apply_async`` makes what it returns by this too."""
        result = Result(task_id, backend=self.backend, app=self.app, **options)
        result.task, result.ignored = str(self.name), bool(self.ignore_result)
        return result

    def retry(self, *args: Any, countdown: float | None = None, eta: Any = None, **options: Any) -> Retry:
        """Retry after ``countdown`` (seconds), at ``eta``, or else when ``tasks.retries`` says.

        Raises switchyard.outage.BrokerAway when the broker is: this attempt then runs again; and
        switchyard.TaskCallError when no broker takes the message.
        """
        if countdown is None and not eta:
            countdown = retries.countdown_of(self)
        options |= {"countdown": countdown, "eta": eta}
        try:
            return super().retry(*args, **options)
        except Reject as rejected:
            reason = rejected.args[0]
            if isinstance(reason, (*NOT_SENT, SoftTimeLimitExceeded)):
                # The task had done its part: the limit has ended a wait for the broker.
                raise BrokerAway(str(reason)) from reason
            if isinstance(reason, Exception):
                # A Reject would be all that anybody hears of it.
                raise reason from rejected
            raise
