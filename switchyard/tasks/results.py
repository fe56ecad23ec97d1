"""Stores errors of every task, and the results that chords join."""

from typing import Any

import structlog
from celery import maybe_signature, states
from celery.result import allow_join_result
from django.db import Error, transaction
from django_celery_results.backends.database import DatabaseBackend, trigger_callback
from django_celery_results.models import ChordCounter, TaskResult  # type: ignore[attr-defined]

from switchyard.outage import BROKER_ERRORS, BrokerAway
from switchyard.outbox.calls import publishing_in_transaction

log = structlog.get_logger("switchyard.tasks")


class ResultBackend(DatabaseBackend):  # type: ignore[misc]
    """django-celery-results', with a chord that survives a part that runs twice and a broker that is away.

    The original counts down once per part that returns: a part that is redelivered counts twice, the count
    reaches zero while another part is still running, and the chord's body is never sent. Here the finished
    parts are counted instead, and the counter is deleted only after the body was sent: a crash in between
    sends it again, under the same task id.
    """

    def _store_result(
        self, task_id: str, result: Any, status: str, traceback: Any = None, request: Any = None, **more: Any
    ) -> Any:
        """Store it. Without a database the error of a task whose result nobody waits for is only logged.

        Celery stores it before it answers the broker, in a worker's main process too. An error here would
        leave the message unanswered for ever, and its slot with it.
        """
        try:
            return super()._store_result(task_id, result, status, traceback, request, **more)
        except Error as error:
            if not getattr(request, "ignore_result", False):
                raise
            log.warning("result_not_stored", task_id=task_id, status=status, reason=str(error).strip())
            return result

    def mark_as_failure(self, task_id: str, exc: Any, *args: Any, **kwargs: Any) -> None:
        """Raises BrokerAway, and stores nothing, if the task failed because it could not send something.

        Celery's tracer calls this first of all with whatever ended a task, be it in the task or in sending
        what comes after it.
        """
        if isinstance(exc, BROKER_ERRORS):
            raise BrokerAway(str(exc)) from exc
        super().mark_as_failure(task_id, exc, *args, **kwargs)

    def on_chord_part_return(self, request: Any, state: str, result: Any, **kwargs: Any) -> None:
        """Send the chord's body when every part has a result. Called after each part's result is stored.

        Raises kombu.exceptions.OperationalError when the body cannot be sent: the part then goes back to its
        queue, and running it again sends the body.
        """
        if not request.group:
            return
        with transaction.atomic(), publishing_in_transaction():
            chord = ChordCounter.objects.select_for_update().filter(group_id=request.group).first()
            if chord is None:
                return
            parts = chord.group_result(app=self.app)
            outcomes = final_states(parts)
            if len(outcomes) < len(parts.results):
                return
            body: Any = maybe_signature(request.chord, app=self.app)
            if set(outcomes) == {states.SUCCESS}:
                with allow_join_result():
                    body.delay(parts.join())
            else:
                # Marks the body as failed, with the name and the error of the part.
                trigger_callback(app=self.app, callback=body, group_result=parts)
            chord.delete()


def final_states(parts: Any) -> list[str]:
    """The state of each part of a group that has a final one, by one query."""
    ids = [part.id for part in parts.results]
    finished = TaskResult.objects.filter(task_id__in=ids, status__in=states.READY_STATES)
    return list(finished.values_list("status", flat=True))
