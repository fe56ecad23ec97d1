"""Looks what is due, and sends it, as the scheduler of Celery's beat."""

import time
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections, connection
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from switchyard import heartbeat
from switchyard.routing import HOME
from switchyard.schedule.lease import WAITS, Lease, LeaseLost
from switchyard.schedule.models import Tick
from switchyard.schedule.tick import Ticked, due_at, entries, forget_disabled, tick
from switchyard.schedule.undisturbed import undisturbed
from switchyard.sqlstate import is_away, is_read_only

#: At most so long between two looks: an edit takes effect, and a standby takes over, within a few of them.
LOOK_SECONDS = 2.0
PRUNE_SECONDS = 3600.0
#: Until an entry is looked at again that has just begun to count, or whose row somebody has locked.
SHORT_WAIT = timedelta(seconds=0.5)

log = structlog.get_logger("switchyard.schedule")


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """django-celery-beat's tables and admin, with a lease and ticks of our own.

    The original keeps the schedule in memory, counts a tick before it is sent, swallows the error if it is
    not, and later writes back whole rows. Here nothing is kept in memory: each look reads the rows anew.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lease = Lease()
        self._standing_by = ""
        self._complaints: dict[int, str] = {}
        self._prune_at = 0.0
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Called once in a beat that will run. The role ``release`` has brought the entries."""
        if self.app.conf.beat_schedule:
            raise ImproperlyConfigured(
                f"CELERY_BEAT_SCHEDULE is not read. Move its entries to SCHEDULE ({HOME})."
            )
        connection.settings_dict["OPTIONS"] = WAITS | connection.settings_dict["OPTIONS"]

    def sync(self) -> None:
        """Nothing to write back."""

    def close(self) -> None:
        """Called when beat ends, perhaps twice. A standby need not wait for the connection to be missed."""
        super().close()
        self.lease.release()

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Send what is due, at most one tick of each entry, or stand by. Returns seconds until the next look.

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
        if self.lease.held:
            return True
        if not self.lease.take():
            self._stand_by("another beat holds the lease")
            return False
        log.info("lease_taken")
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
        forget_disabled()
        upcoming = [self._attend(entry, now) for entry in entries()]
        self._prune(now)
        soonest = min(filter(None, upcoming), default=now + timedelta(seconds=LOOK_SECONDS))
        seconds: float = (soonest - now).total_seconds() - (time.monotonic() - began)
        return max(0.0, min(seconds, LOOK_SECONDS))

    def _attend(self, entry: PeriodicTask, now: datetime) -> datetime | None:
        """Tick the entry if it is due. Returns when to look at it again; None for never, as it is now."""
        try:
            due = due_at(entry, now)
            if due is None or due > now:
                return due
            ticked = tick(entry.pk, self.lease.now(), self.app)
        except LeaseLost:
            raise
        except Exception as error:
            lost = isinstance(error, OperationalError | InterfaceError) and not connection.is_usable()
            if lost or is_read_only(error):
                raise
            self._complain(
                entry, f"{type(error).__name__}: {str(error).strip()} Correct the entry, or disable it."
            )
            return None
        if ticked is None:
            return now + SHORT_WAIT
        self._report(entry, ticked)
        return now

    def _report(self, entry: PeriodicTask, ticked: Ticked) -> None:
        if ticked.event == "tick_refused":
            self._complain(entry, ticked.reason)
            return
        self._complaints.pop(entry.pk, None)
        log.info(**vars(ticked) | {"due_at": ticked.due_at.isoformat()})

    def _complain(self, entry: PeriodicTask, reason: str) -> None:
        """Say what is wrong with an entry, once until it changes. The others go on."""
        if self._complaints.get(entry.pk) != reason:
            self._complaints[entry.pk] = reason
            log.error("tick_refused", entry=entry.name, task=entry.task, reason=reason)

    def _prune(self, now: datetime) -> None:
        if time.monotonic() >= self._prune_at and not Tick.objects.prune(now):
            self._prune_at = time.monotonic() + PRUNE_SECONDS
