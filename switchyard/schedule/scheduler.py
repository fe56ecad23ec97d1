"""Looks what is due, and sends it, as the scheduler of Celery's beat."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
import structlog
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections, connection
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from switchyard import heartbeat
from switchyard.clock import Step
from switchyard.identity.installation import foreign
from switchyard.schedule.bound import Bound
from switchyard.schedule.decision import Decision, Verdict, complaint
from switchyard.schedule.lease import Lease, LeaseLost
from switchyard.schedule.models import FIRST, Place, Tick
from switchyard.schedule.review import Review
from switchyard.schedule.rows import put_off
from switchyard.schedule.tick import tick
from switchyard.schedule.undisturbed import undisturbed
from switchyard.sqlstate import is_away, is_read_only

#: At most so long between two looks: an edit takes effect, and a standby takes over, within a few of them.
LOOK_SECONDS = 2.0
PRUNE_SECONDS = 3600.0
#: Entries that one transaction sends. It holds their rows, and an edit of one waits, for some 0.2 s.
BATCH = 200
#: Until entries are looked at again whose rows somebody has locked.
LOCKED_SECONDS = 0.5
#: Until an entry is tried again that the database refuses.
PUT_OFF_SECONDS = 60

log = structlog.get_logger("switchyard.schedule")


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """django-celery-beat's tables and admin, with a lease and ticks of our own.

    The original keeps the schedule in memory, counts a tick before it is sent, swallows the error if it is
    not, and later writes back whole rows. Here nothing is kept in memory: each look reads the rows that are
    due, and no others.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lease = Lease()
        self._standing_by = ""
        self._complaints: dict[int, str] = {}
        self._prune_at = 0.0
        self._pruned_to: Place | None = None
        self._bound = Bound()
        self._review = Review()
        self._step = Step()
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Called once in a beat that will run. The role ``release`` has brought the entries."""

    def sync(self) -> None:
        """Nothing to write back."""

    def close(self) -> None:
        """Called when beat ends, perhaps twice. A standby need not wait for the connection to be missed."""
        super().close()
        self.lease.release()

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Send a batch of what is due, or stand by. Returns seconds until the next look.

        The heartbeat file is touched by a beat that can do its part; standing by is one. It grows old while
        the database is away.
        """
        with undisturbed():
            try:
                seconds = self._send() if self._holds_lease() else LOOK_SECONDS
            except LeaseLost as lost:
                log.warning("lease_lost", reason=str(lost))
            except (psycopg.OperationalError, OperationalError, InterfaceError, InternalError) as error:
                self._give_up(error)
            else:
                heartbeat.touch()
                return seconds
        return LOOK_SECONDS

    def _give_up(self, error: Exception) -> None:
        """Stand by without a database, or without one that takes writes: the lease is another beat's then."""
        if isinstance(error, InternalError) and not is_away(error):
            raise error
        connection.close()
        self.lease.release()
        self._stand_by(f"the database is away: {str(error).strip()}")

    def _holds_lease(self) -> bool:
        if not_ours := foreign():
            self.lease.release()
            self._stand_by(not_ours)
            return False
        if self.lease.held:
            return True
        if not self.lease.take():
            self._stand_by("another beat holds the lease")
            return False
        log.info("lease_taken")
        self._review.begin()
        self._standing_by = ""
        return True

    def _stand_by(self, reason: str) -> None:
        """Say it once for each reason."""
        if self._standing_by != reason:
            self._standing_by = reason
            log.warning("standing_by", reason=reason)

    def _send(self) -> float:
        began = time.monotonic()
        now = self.lease.now()
        close_old_connections()
        self._notice_step(now)
        due = self._bound.due(now, BATCH)
        attended = self._attend(due, now)
        page = self._review.page(now)
        self._attend(page, now)
        self._prune(now)
        if attended or page:
            return 0.0
        seconds = LOCKED_SECONDS if due else self._until_next(now) - (time.monotonic() - began)
        return max(0.0, min(seconds, LOOK_SECONDS))

    def _notice_step(self, now: datetime) -> None:
        """What was written by the clock before it was set is looked for at once, not at the next review."""
        step = self._step.seconds(now)
        if step:
            log.error("database_clock_was_set", seconds=round(step, 1), now=now.isoformat())
            self._review.begin()

    def _until_next(self, now: datetime) -> float:
        soonest = self._bound.next_look()
        return (soonest - now).total_seconds() if soonest else LOOK_SECONDS

    def _attend(self, keys: Sequence[int], now: datetime) -> int:
        """Tick those that are due, all at once, or each for itself if that fails. Returns how many were."""
        if not keys:
            return 0
        try:
            decisions = tick(keys, now, self.app)
        except Exception as error:
            lost = isinstance(error, OperationalError | InterfaceError) and not connection.is_usable()
            if lost or is_read_only(error):
                raise
            if len(keys) > 1:
                return sum(self._attend([key], self.lease.now()) for key in keys)
            self._put_off(keys[0], now, error)
            return 1
        self._bound.moved(decision.clock for decision in decisions)
        for decision in decisions:
            self._report(decision, now)
        return len(decisions)

    def _put_off(self, key: int, now: datetime, error: Exception) -> None:
        put_off(key, PUT_OFF_SECONDS, now, complaint(error))
        entry = PeriodicTask.objects.filter(pk=key).first()
        if entry:
            self._complain(entry, complaint(error))

    def _report(self, decision: Decision, now: datetime) -> None:
        entry, due = decision.entry, decision.due_at
        if decision.verdict is Verdict.REFUSE:
            self._complain(entry, decision.reason)
        elif decision.verdict is not Verdict.WAIT:
            self._complaints.pop(entry.pk, None)
            late = round((now - due).total_seconds(), 3) if due else None
            said = {"due_at": due and due.isoformat(), "late_seconds": late, "reason": decision.reason}
            log.info(decision.verdict.value, entry=entry.name, task=entry.task, **said)

    def _complain(self, entry: PeriodicTask, reason: str) -> None:
        """Say what is wrong with an entry, once until it changes. The others go on."""
        if self._complaints.get(entry.pk) != reason:
            self._complaints[entry.pk] = reason
            log.error("tick_refused", entry=entry.name, task=entry.task, reason=reason)

    def _prune(self, now: datetime) -> None:
        if time.monotonic() < self._prune_at:
            return
        self._pruned_to = Tick.objects.prune(now, self._pruned_to or FIRST)
        if self._pruned_to is None:
            self._prune_at = time.monotonic() + PRUNE_SECONDS
