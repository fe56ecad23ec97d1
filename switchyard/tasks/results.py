"""Stores errors of every task, and the results that chords join.

A task has succeeded when it has returned, whatever it returned. A value that JSON cannot hold, or of more
than ``kept.LONGEST_RESULT_BYTES``, is not kept: the warning ``result_not_kept`` names its type, who asks for
the result gets ``{"not_kept": type, "repr": ...}``, and the message is acknowledged, because to run it again
would be to do the work twice. Only where another task waits for a value that is no JSON as its argument (the
next of a chain, a callback, the body of a chord) the task fails with ``ReturnRefused`` and is dead-lettered:
what comes after it cannot be called.

An error is kept as the exception's own class, text and traceback (``switchyard.tasks.failure``). Nothing that
can be wrong with the text of either is an error here.
"""

from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from celery import maybe_signature, states
from celery.exceptions import ChordError
from celery.result import GroupResult
from django.db import Error, transaction
from django_celery_results.backends.database import DatabaseBackend
from django_celery_results.models import TaskResult
from kombu.exceptions import EncodeError

from switchyard import sqlstate
from switchyard.broker.deliveries import deliveries
from switchyard.origin import is_of_connecting, is_of_own_database, is_of_own_sender
from switchyard.outage import NOT_SENT, BrokerAway, Contended, DatabaseAway, DatabaseLost, NotPublished
from switchyard.outbox.at_once import publishing_at_once
from switchyard.outbox.errors import ChordRefused, ReturnRefused, TaskCallError
from switchyard.tasks import chords
from switchyard.tasks import kept as values
from switchyard.tasks.failure import described, formatted, raised, traceback_of
from switchyard.text import is_text

log = structlog.get_logger("switchyard.tasks")

#: How often a transaction may give way to others before its task fails by it.
MOST_CONTENTIONS = 10
#: Columns of the table, and how many characters they hold.
COLUMNS = {"periodic_task_name": 255, "task_name": 255, "worker": 100}


class ResultBackend(DatabaseBackend):  # type: ignore[misc]
    """django-celery-results', with a chord that survives a part that runs twice and a broker that is away.

    The original counts down once per part that returns: a part that is redelivered counts twice, the count
    reaches zero while another part is still running, and the chord's body is never sent. Here each part is
    counted once (``switchyard.tasks.chords``), and the chord is forgotten only after the body was sent: a
    crash in between sends it again, under the same task id. A part need not keep its result for the join.
    """

    def _store_result(
        self, task_id: str, result: Any, status: str, traceback: Any = None, request: Any = None, **more: Any
    ) -> Any:
        """Store it. Without a database the error of a task whose result nobody waits for is only logged.

        Celery stores it before it answers the broker, in a worker's main process too. An error here would
        leave the message unanswered for ever, and its slot with it.
        """
        kept = values.kept(self.encode, task_id, result, status, request)
        store = partial(super()._store_result, task_id, kept, status, traceback, request, **more)
        try:
            return values.unless_ended(task_id, store) if status == states.RETRY else store()
        except Error as error:
            if not getattr(request, "ignore_result", False):
                raise
            log.warning("result_not_stored", task_id=task_id, status=status, reason=str(error).strip())
            return result

    def mark_as_failure(
        self, task_id: str, exc: Any, traceback: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """Raises BrokerAway, and stores nothing, if what failed was not the task but a server it needs.

        Celery's tracer calls this first of all with whatever ended a task, be it in the task or in sending
        what comes after it.
        """
        if isinstance(exc, NotPublished) or (isinstance(exc, NOT_SENT) and is_of_own_sender(exc, self.app)):
            raise BrokerAway(str(exc)) from exc
        if sqlstate.is_away(exc) and is_of_own_database(exc):
            broke = sqlstate.is_broken(exc) and not is_of_connecting(exc)
            raise (DatabaseLost if broke else DatabaseAway)(str(exc)) from exc
        if sqlstate.is_contention(exc) and deliveries(kwargs.get("request") or {}) <= MOST_CONTENTIONS:
            raise Contended(str(exc)) from exc
        error = raised(exc)
        if error is not exc:
            traceback = formatted(error)
        super().mark_as_failure(task_id, error, traceback, *args, **kwargs)

    def note_loss(self, task_id: str, error: BaseException, request: Any, *, last: bool = False) -> None:
        """Keep why a run was lost, unless a run before it has succeeded.

        As a failure if it was the last one, and otherwise as a RETRY, as it will be redelivered.
        """
        if TaskResult.objects.filter(task_id=task_id, status=states.SUCCESS).exists():
            return
        if last:
            self.mark_as_failure(task_id, error, request=request)
        else:
            self.store_result(task_id, error, states.RETRY, request=request)

    def prepare_exception(self, exc: Any, serializer: str | None = None) -> Any:
        """Celery's hook for the form in which an exception is kept."""
        if (serializer or self.serializer) != "json":
            return super().prepare_exception(exc, serializer)
        return described(exc)

    def _get_meta_from_request(self, request: Any = None) -> Any:
        """What a task has put into ``request.meta``, if it can be kept."""
        meta: Any = super()._get_meta_from_request(request)
        try:
            return {**meta} if meta and self.encode(meta) else {}
        except (EncodeError, TypeError):
            return values.not_kept(meta)

    def _get_extended_properties(self, request: Any, traceback: Any) -> dict[str, Any]:
        """As the columns hold them. A message can name what it likes."""
        request = values.with_arguments_in_words(request, self.encode)
        found: dict[str, Any] = super()._get_extended_properties(request, traceback_of(traceback))
        for column, longest in COLUMNS.items():
            text = found[column]
            found[column] = text[:longest] if is_text(text) else None
        return found

    def apply_chord(self, header_result_args: Any, body: Any, **kwargs: Any) -> None:
        """Celery's hook for a chord whose parts are about to be sent."""
        given = header_result_args
        header: Any = given if isinstance(given, GroupResult) else self.app.GroupResult(*given)
        chords.begin(header.id, header.results, body.get("chord_size") or len(header.results))

    def on_chord_part_return(self, request: Any, state: str, result: Any, **kwargs: Any) -> None:
        """Send the chord's body when every part has ended. Called after each part's result is stored.

        Raises kombu.exceptions.OperationalError when the body cannot be sent: the part then goes back to its
        queue, and running it again sends the body. Raises ChordRefused when it never can.
        """
        if not request.group:
            return
        complete = chords.part_ended(request.group, request.id, state, self._part(request, state, result))
        if complete is None:
            complete = chords.adopted(self.app, request.group)
        if complete:
            self._send_body(request)

    def cleanup(self) -> None:
        """Delete what is older than the results may be. By Celery's task of the same purpose, each day."""
        super().cleanup()
        if self.expires:
            chords.purge(timedelta(seconds=self.expires))

    def _part(self, request: Any, state: str, result: Any) -> str:
        """What a part returned or raised, as text. Raises ReturnRefused."""
        try:
            text: str = self.encode_content(
                result if state == states.SUCCESS else self.prepare_exception(result)
            )[2]
        except EncodeError as error:
            raise ReturnRefused(str(request.task), result, error) from error
        return text

    def _send_body(self, request: Any) -> None:
        with transaction.atomic(), publishing_at_once():
            chord = chords.locked(request.group)
            if chord is None:
                return
            body: Any = maybe_signature(request.chord, app=self.app)
            refused = self._call_body(body, chords.Header(chord))
            chords.forget(chord)
        if refused:
            raise ChordRefused(request.task, refused) from refused

    def _call_body(self, body: Any, header: chords.Header) -> TaskCallError | None:
        """Call the body with what the parts returned, or have it failed: by a part or by what is refused."""
        decode = partial(self.decode_content, self)
        try:
            if header.failed:
                task_id, error = header.failed
                why = self.exception_to_python(decode(error))
                raise ChordError(f"Dependency {task_id} raised {why!r}")  # noqa: TRY301 - for its traceback
            body.delay(header.joined(decode))
        except ChordError as failed:
            self.chord_error_from_stack(body, failed)
        except TaskCallError as refused:
            self.chord_error_from_stack(body, refused)
            return refused
        return None
