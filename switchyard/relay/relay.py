"""Brings what is in the outbox to the broker, and deletes what the broker has confirmed.

A batch is one transaction: rows of one queue are locked (others skip them, so any number of relays may run),
published, and deleted when they are confirmed. A relay that dies in between has published at most one batch
that another publishes again. A row stays until the broker has confirmed it, however long that is away, full,
or without the queue; what it refuses for the message's own fault (too large, unreadable, for a queue that is
not declared any more) is quarantined, with the reason, and stays too.

The heartbeat file says that the loop turns and the database answers. It is touched while the broker is away:
a new relay would find it as far away.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import structlog
from amqp.exceptions import ChannelError, NotFound
from django.db import Error as DatabaseError
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from kombu.utils.json import loads

from switchyard import heartbeat
from switchyard.broker.connection import GRANT, lacks_right
from switchyard.conf import conf
from switchyard.identity.installation import Ownership
from switchyard.outbox import journal
from switchyard.outbox.models import Message
from switchyard.relay.backoff import Backoff
from switchyard.relay.batch import BATCH_ROWS, Batch, begin, fetch
from switchyard.relay.bounds import Bounds
from switchyard.relay.confirms import Outcome
from switchyard.relay.link import INFRASTRUCTURE, trouble_with_broker
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.publisher import Publisher
from switchyard.relay.wake import Wake
from switchyard.routing import QUEUES

#: Between two looks when no commit says anything.
POLL_SECONDS = 1.0
#: While something is being left alone for a moment that may be shorter.
TROUBLE_POLL_SECONDS = 0.2
#: Between two looks whether the database takes writes: nothing else asks, while there is nothing to send.
CHECK_SECONDS = 5.0
#: A relay that stands still in a batch for longer loses its rows to the others; twice a batch's own limit.
LOCK_SECONDS = 60

log = structlog.get_logger("switchyard.outbox")


class Relay:
    def __init__(self, metrics: RelayMetrics) -> None:
        self.stopping = False
        self._metrics = metrics
        self._check_at = 0.0
        self._publisher = Publisher()
        self._wake = Wake()
        self._bounds = Bounds()
        self._ownership = Ownership()
        self._broker = Backoff()
        self._queues: defaultdict[str, Backoff] = defaultdict(Backoff)
        #: Row to task id, of what was confirmed after its batch and is still to be deleted.
        self._late: dict[int, str] = {}
        #: What is wrong at the moment, by what it is wrong with.
        self._trouble: dict[str, str] = {}

    def run(self) -> None:
        """Until ``stopping`` is set; the batch in hand is finished first."""
        while not self.stopping:
            try:
                moved = self.turn()
                self._bounds.remember()
            except DatabaseError as error:
                moved = False
                self._say("database", "database_away", str(error).strip())
                connection.close()
                self._ownership.forget()
                # Who listens at a server that is no primary any more hears of nothing.
                self._wake.close()
            if not moved and not self.stopping:
                self._wake.wait(self._pause_seconds())
                self._metrics.listening.set(bool(self._wake.hears))
        self._wake.close()
        self._publisher.close()

    def turn(self) -> bool:
        """One batch of each queue that has rows and takes messages. Whether any row has left the outbox."""
        self._look_at_database()
        foreign = self._ownership.foreign()
        heartbeat.touch()
        self._say("ownership", "stands_still" if foreign else "", foreign)
        if foreign:
            return False
        # Those that go well come first: waiting for another's confirm must not be all that is ever done.
        queues = sorted(self._bounds.waiting(), key=lambda queue: self._queues[queue].failures)
        self._say("database", "")
        if not self._broker_takes():
            return False
        self._forget_trouble(queues)
        self._late |= self._publisher.confirmed_late()
        self._settle()
        moved = [self.relay(queue) for queue in queues if self._queues[queue].over()]
        return any(moved)

    def relay(self, queue: str) -> bool:
        """One batch of one queue. Whether any row has left the outbox."""
        if not self._broker.over():
            return False
        with transaction.atomic():
            begin(LOCK_SECONDS)
            batch = self.fetch(queue, self._batch_rows(queue))
            if not batch.messages:
                return False
            outcome = self.publish(batch.messages)
            if queue not in QUEUES:
                outcome.refused |= outcome.returned
            self.delete(outcome.confirmed)
            self.quarantine(outcome.refused)
        self._bounds.passed(queue, batch, outcome.confirmed.keys() | outcome.refused.keys())
        self._write_down(queue, batch.messages, outcome)
        self._judge(queue, outcome)
        return bool(outcome.confirmed or outcome.refused)

    def _settle(self) -> None:
        """Delete what was confirmed after its batch, whose rows have been free since.

        Not by its key alone: a database that was restored, or took over, may have given that to another.
        """
        if not self._late:
            return
        with transaction.atomic():
            begin(LOCK_SECONDS)
            found = Message.objects.filter(pk__in=self._late)
            arrived = [message for message in found if message.task_id == self._late[message.pk]]
            self.delete([message.pk for message in arrived])
        self._late = {}
        for message in arrived:
            journal.sent(loads(message.headers), message.queue)

    def fetch(self, queue: str, rows: int) -> Batch:
        return fetch(queue, self._bounds.behind(queue), rows)

    def publish(self, messages: Sequence[Message]) -> Outcome:
        return self._publisher.publish(messages)

    def delete(self, keys: Collection[int]) -> None:
        if keys:
            Message.objects.filter(pk__in=keys).delete()

    def quarantine(self, reasons: Mapping[int, str]) -> None:
        for key, reason in reasons.items():
            Message.objects.filter(pk=key).update(quarantined_at=timezone.now(), reason=reason)

    def _look_at_database(self) -> None:
        """An old primary that is a standby now answers every look, and never has a row that is new."""
        if time.monotonic() < self._check_at:
            return
        self._check_at = time.monotonic() + CHECK_SECONDS
        if connection.connection is not None and not connection.is_usable():
            raise OperationalError("the database takes no writes, or does not answer")

    def _forget_trouble(self, queues: Collection[str]) -> None:
        """Of what nothing waits for any more, and which no confirm will therefore end."""
        proven_by_a_row = {*queues, "broker"} if queues else set()
        for what in set(self._trouble) - proven_by_a_row:
            self._queues.pop(what, None)
            self._say(what, "")

    def _broker_takes(self) -> bool:
        """Whether there is a connection on which the broker takes messages."""
        if not self._broker.over():
            return False
        try:
            self._publisher.connect()
            return not self._publisher.blocked()
        except INFRASTRUCTURE as error:
            self._broker_failed(error)
            return False

    def _batch_rows(self, queue: str) -> int:
        """One on a new connection: a broker that blocks us reads what it was sent later, and so twice."""
        return BATCH_ROWS if self._publisher.proven and not self._queues[queue].failures else 1

    def _judge(self, queue: str, outcome: Outcome) -> None:
        """Leave a broker that did not answer alone for a while, or only the queue that is in trouble."""
        if outcome.error:
            self._metrics.errors.inc()
            self._queues[queue].fail()
            self._failed(queue, outcome.error)
        elif outcome.returned and queue in QUEUES:
            self._queues[queue].fail()
            self._topology_missing(queue, next(iter(outcome.returned.values())))
        elif outcome.nacked:
            self._queues[queue].fail()
            self._say(queue, "queue_full", f"The broker refused {len(outcome.nacked)} messages; they wait.")
        elif outcome.settled:
            self._queues[queue].reset()
            self._broker.reset()
            self._say(queue, "")
            self._say("broker", "")

    def _failed(self, queue: str, error: Exception) -> None:
        if isinstance(error, NotFound):
            self._topology_missing(queue, str(error))
        elif isinstance(error, ChannelError):
            remedy = f". {GRANT}" if lacks_right(error) else ""
            self._say(queue, "publish_refused", f"{error}{remedy}")
        else:
            self._broker_failed(error)

    def _topology_missing(self, queue: str, reason: str) -> None:
        """Not the message's fault: the queue is declared, and was deleted or is only being made."""
        self._say(queue, "topology_missing", f"{reason}. Run `{conf.COMMAND} topology apply`.")

    def _broker_failed(self, error: Exception) -> None:
        self._broker.fail()
        self._say("broker", *trouble_with_broker(error))

    def _say(self, what: str, event: str, reason: str = "") -> None:
        """Log when something becomes trouble or is over, not at each attempt."""
        before = self._trouble.pop(what, "")
        if event:
            self._trouble[what] = event
        if event and event != before:
            log.warning(event, what=what, reason=reason)
        elif before and not event:
            log.info("relaying_again", what=what, after=before)

    def _write_down(self, queue: str, messages: Sequence[Message], outcome: Outcome) -> None:
        for message in messages:
            if message.pk in outcome.confirmed:
                journal.sent(loads(message.headers), message.queue)
                self._metrics.confirm_seconds.observe(outcome.confirmed[message.pk])
            elif message.pk in outcome.refused:
                log.error(
                    "quarantined",
                    task=message.task,
                    task_id=message.task_id,
                    queue=queue,
                    reason=outcome.refused[message.pk],
                )
        self._metrics.count(queue, outcome)

    def _pause_seconds(self) -> float:
        return TROUBLE_POLL_SECONDS if self._trouble else POLL_SECONDS
