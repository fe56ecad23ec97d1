"""Decides what becomes of an entry at a moment, by its row and its clock alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django_celery_beat.models import PeriodicTask

from switchyard.schedule.due import Timetable, counted_by, counted_to, newest_due, timetable
from switchyard.schedule.entry import Missed
from switchyard.schedule.models import Clock, Rule


class Verdict(StrEnum):
    """By the name of the event under which it is logged."""

    #: Nothing is due.
    WAIT = ""
    SEND = "tick_sent"
    #: The due time is too late for the entry's rule, or was sent before.
    SKIP = "tick_skipped"
    #: It cannot be sent as it is, or nobody can say when it is due.
    REFUSE = "tick_refused"
    #: The entry is past its last day and is to be disabled.
    END = "entry_ended"


@dataclass(slots=True)
class Decision:
    """What becomes of an entry. Its ``clock`` says already what is to be written of it."""

    entry: PeriodicTask
    verdict: Verdict
    #: The due time that is dealt with, if one is.
    due_at: datetime | None = None
    reason: str = ""

    @property
    def clock(self) -> Clock:
        clock: Clock = self.entry.clock
        return clock

    @property
    def is_last(self) -> bool:
        """Whether the entry is to be disabled: it has ended, or a one-off was sent, now or before."""
        sent = self.verdict is Verdict.SEND or self.reason == SENT_BEFORE
        return self.verdict is Verdict.END or (self.entry.one_off and sent)


SENT_BEFORE = "sent before"


def decide(entry: PeriodicTask, now: datetime) -> Decision:
    """Moves the entry's clock on in memory; the caller writes it."""
    if is_over(entry, now):
        return Decision(entry, Verdict.END)
    try:
        return _decided(entry, entry.clock, now)
    except Exception as error:  # noqa: BLE001 - what a schedule may raise, only django-celery-beat knows
        entry.clock.due_at = None
        return Decision(entry, Verdict.REFUSE, reason=complaint(error))


def complaint(error: Exception) -> str:
    """What is said of an entry that cannot be dealt with."""
    return f"{type(error).__name__}: {str(error).strip()} Correct the entry, or disable it."


def is_over(entry: PeriodicTask, now: datetime) -> bool:
    """Past its last day, or a one-off that ran under another scheduler, which left it to the next look."""
    return bool((entry.expires and now >= entry.expires) or (entry.one_off and entry.total_run_count))


def _decided(entry: PeriodicTask, clock: Clock, now: datetime) -> Decision:
    if clock.schedule != counted_by(entry):
        # Neither a new entry nor a new schedule has missed anything before it was saved.
        clock.schedule, clock.counts_from, clock.last_due_at = counted_by(entry), clock.edited_at, None
    after = timetable(entry, clock)
    first = after(counted_to(entry, clock))
    if first is None or first > now:
        clock.due_at = _look_at(entry, first)
        return Decision(entry, Verdict.WAIT)
    due, wanted = _counting(entry, after, first, now)
    clock.last_due_at, clock.due_at = due, _look_at(entry, after(due))
    return Decision(entry, Verdict.SEND, due) if wanted else Decision(entry, Verdict.SKIP, due, "missed")


def _counting(entry: PeriodicTask, after: Timetable, first: datetime, now: datetime) -> tuple[datetime, bool]:
    """The due time that counts of those from ``first`` until now, and whether it is to be sent."""
    rule = getattr(entry, "rule", None) or Rule(entry=entry)
    late = timedelta(seconds=rule.late_seconds)
    if now - first <= late:
        return first, True
    entry.clock.missed_at = now
    newest = newest_due(after, counted_to(entry, entry.clock), now)
    return newest, rule.missed == Missed.ONCE or now - newest <= late


def _look_at(entry: PeriodicTask, due: datetime | None) -> datetime | None:
    """An entry that ends before it is due again is to be disabled then."""
    return min(filter(None, (due, entry.expires)), default=None)
