"""Defines the base class of every task in the project."""

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from celery.contrib.django.task import DjangoTask
from celery.exceptions import Reject, Retry, SoftTimeLimitExceeded
from django.db import transaction
from kombu.utils.uuid import uuid

from switchyard.broker.options import is_eager
from switchyard.outage import NOT_SENT, BrokerAway
from switchyard.outbox.at_once import is_kept, publishing_at_once
from switchyard.outbox.capture import captured
from switchyard.outbox.sending import hand_over, keep
from switchyard.outbox.template import OPTIONS, plain_call
from switchyard.routing import declare_queue, queue_for
from switchyard.tasks import retries
from switchyard.tasks.discarded import Result
from switchyard.tasks.sent import SentResult, as_text_too

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
    #: The queue that its decorator names, if it does: by its name, or by one that QUEUE_MAP knows.
    queue: Any
    #: The name of its queue.
    routed_to = ""

    @classmethod
    def on_bound(cls, app: Any) -> None:
        """Look up the queue once, and take its limits and our retries unless the task has its own."""
        super().on_bound(app)
        if not retries.is_said(cls, "max_retries"):
            cls.max_retries = retries.MOST_RETRIES
        own = declare_queue(cls.name or "", getattr(cls, "queue", None))
        if own:
            cls.queue = own.name
        spec = own or queue_for(cls.name or "")
        if spec:
            cls.routed_to = spec.name
            cls.soft_time_limit = cls.soft_time_limit or spec.soft_limit_seconds
            cls.time_limit = cls.time_limit or spec.hard_limit_seconds

    def apply_async(self, args: Any = None, kwargs: Any = None, *positional: Any, **options: Any) -> Any:
        """Send the task: by a row of the outbox, which is committed or rolled back with the caller's.

        Inside a running task and outside a transaction it goes to the broker at once, unless the setting
        TASKS_SEND_BY says otherwise; then raises kombu.exceptions.OperationalError when the broker is away.
        Raises switchyard.TaskCallError before anything is sent.
        """
        if positional or not OPTIONS.issuperset(options) or not is_kept(self.app):
            return super().apply_async(args, kwargs, *positional, **options)
        celerys = super().apply_async
        result, rows = plain_call(self, celerys, celerys, args, kwargs, result_of=self.AsyncResult, **options)
        hand_over(rows)
        return result

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> SentResult:
        """Send the task with the caller's transaction, or in one of its own.

        As ``delay`` does, in a running task too. What it returns is the text of its id as well.
        """
        return self.apply_async_on_commit(args, kwargs)

    def apply_async_on_commit(  # type: ignore[override]
        self, args: Any = None, kwargs: Any = None, *, using: str | None = None, **options: Any
    ) -> SentResult:
        """As ``delay_on_commit``, with Celery's options. A countdown counts from here, not from the commit.

        A transaction on any database counts; ``using`` names the one that does (``outbox.sending.keep``).
        Raises switchyard.TaskCallError before anything is kept. What the database refuses is raised by
        the commit, which rolls back.
        """
        if is_eager(self.app):
            return self._call_after_commit(args, kwargs, using, **options)
        if OPTIONS.issuperset(options):
            celerys = super().apply_async
            result, rows = plain_call(
                self, celerys, self.apply_async, args, kwargs, result_of=self._sent_result, **options
            )
        else:
            with captured() as rows:
                result = self.apply_async(args, kwargs, **options)
        keep(rows, using)
        return as_text_too(result)

    def _call_after_commit(self, args: Any, kwargs: Any, using: str | None, **options: Any) -> SentResult:
        """As Celery's own does; which calls the task then, for a test has said ``task_always_eager``."""
        options["task_id"] = options.get("task_id") or uuid()
        transaction.on_commit(partial(self.apply_async, args, kwargs, **options), using=using)
        return as_text_too(self.AsyncResult(options["task_id"]))

    def on_replace(self, sig: Any) -> Any:
        """Celery's hook of ``replace``. An Ignore, which ends the task, rolls back what it is raised in."""
        with nullcontext() if self.request.is_eager else publishing_at_once():
            return super().on_replace(sig)

    def AsyncResult(self, task_id: str, **options: Any) -> Result:  # noqa: N802 - Celery's name
        """What is known of a call, by its id. Celery's ``apply_async`` makes what it returns by this too."""
        return Result.of(self, task_id, **options)

    def _sent_result(self, task_id: str) -> SentResult:
        own = type(self).AsyncResult is RoutedTask.AsyncResult
        return SentResult.of(self, task_id) if own else as_text_too(self.AsyncResult(task_id))

    def retry(self, *args: Any, countdown: float | None = None, eta: Any = None, **options: Any) -> Retry:
        """Retry after ``countdown`` (seconds), at ``eta``, or else when ``tasks.retries`` says.

        Raises switchyard.outage.BrokerAway when the broker is: this attempt then runs again; and
        switchyard.TaskCallError when no broker takes the message.
        """
        if countdown is None and not eta:
            countdown = retries.countdown_of(self)
        options |= {"countdown": countdown, "eta": eta}
        try:
            # The exception that ends this run rolls back the transaction that it is raised in.
            with nullcontext() if self.request.is_eager else publishing_at_once():
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
