"""Asks for what is to be done with all dead letters that are meant, and keeps how far it is.

A job is a row, so that it outlives who asked and who does it. Only who has the turn (switchyard/deadletters/
turn.py) works on one.
"""

import time
from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from switchyard.deadletters.models import Deed, Job, State
from switchyard.deadletters.places import Place, places
from switchyard.deadletters.scan import Selection, Watcher
from switchyard.stop import Stop

#: Between two notes of how far it is; each asks whether somebody has cancelled it.
NOTE_SECONDS = 1.0
#: Different reasons of refusals; what would be more is counted together.
MOST_REASONS = 50
OTHERS = "(others)"
#: How long the row of a job that is over is kept.
KEPT = timedelta(days=90)
#: A page asks for a copy no sooner than this after the last, or than three times what that took.
COPY_AGAIN_SECONDS = 10

#: What an automatic copy is asked by.
PAGES = "the pages"


def open_jobs() -> QuerySet[Job]:
    """Those that wait or run, the oldest first."""
    return Job.objects.filter(state__in=(State.WAITING, State.RUNNING)).order_by("pk")


def recent_jobs(most: int) -> QuerySet[Job]:
    """What people have asked for, the newest first, and no copies that pages ask for by themselves."""
    return Job.objects.exclude(deed=Deed.COPY, by=PAGES).order_by("-pk")[:most]


def ask(deed: str, by: str, **meant: Any) -> Job:
    """The fields of a job; what is left out matches everything. Whoever has the turn next does it."""
    Job.objects.filter(ended_at__lt=Now() - KEPT).delete()
    return Job.objects.create(deed=deed, by=by, **meant)


def last_copy() -> Job | None:
    """The newest copy of everything that was brought in whole."""
    return Job.objects.filter(deed=Deed.COPY, state=State.DONE).order_by("-pk").first()


def ask_for_copy(by: str = PAGES) -> Job | None:
    """A copy, if none is asked for and the last was not just now; who asks by name does not wait for that."""
    if open_jobs().filter(deed=Deed.COPY).exists():
        return None
    last = last_copy()
    if by == PAGES and last and last.begun_at and last.ended_at:
        took = (last.ended_at - last.begun_at).total_seconds()
        soon = timedelta(seconds=max(COPY_AGAIN_SECONDS, 3 * took))
        if Job.objects.filter(pk=last.pk, ended_at__gt=Now() - soon).exists():
            return None
    return ask(Deed.COPY, by)


def cancel(job: Job, by: str) -> bool:
    """Have it stop after what is in hand. Whether it was not over yet."""
    waiting = Q(state=State.WAITING, begun_at=None)
    ended = Job.objects.filter(waiting, pk=job.pk).update(
        state=State.CANCELLED, cancelled_by=by, ended_at=Now()
    )
    return bool(ended or open_jobs().filter(pk=job.pk).update(cancelled_by=by))


def selection(job: Job) -> Selection:
    return Selection(job.task or None, job.reason or None, job.task_id or None, job.died_by)


def places_of(job: Job) -> list[Place]:
    return places(job.place or None)


class Progress:
    """A ``Watcher`` that writes how far a job is into its row, and sets ``stop`` when it was cancelled.

    ``also`` is told the same.
    """

    def __init__(self, job: Job, stop: Stop, also: Watcher | None = None) -> None:
        self.job = job
        self.refused: Counter[str] = Counter()
        self.cancelled = False
        self._stop = stop
        self._also = also
        self._expected = self._looked_at = 0
        self._noted = 0.0

    def begin(self) -> None:
        begun = {"state": State.RUNNING, "seen_at": Now(), "trouble": "", "refusals": {}, "looked_at": 0}
        Job.objects.filter(pk=self.job.pk).update(**begun)
        Job.objects.filter(pk=self.job.pk, begun_at=None).update(begun_at=Now())

    def expect(self, count: int) -> None:
        self._expected += count
        if self._also:
            self._also.expect(count)

    def step(self) -> None:
        self._looked_at += 1
        if self._also:
            self._also.step()
        if time.monotonic() - self._noted >= NOTE_SECONDS:
            self.note()

    def refuse(self, why: str) -> None:
        full = len(self.refused) >= MOST_REASONS and why not in self.refused
        self.refused[OTHERS if full else why] += 1

    def note(self, **more: Any) -> None:
        """Raises django.db.Error."""
        self._noted = time.monotonic()
        row = Job.objects.filter(pk=self.job.pk)
        row.update(
            seen_at=Now(),
            expected=max(self._expected, self._looked_at),
            looked_at=self._looked_at,
            refusals=dict(self.refused),
            **more,
        )
        if row.exclude(cancelled_by="").exists():
            self.cancelled = True
            self._stop.set()

    def end(self, state: State, trouble: str = "") -> None:
        """What was done is written down already, with each batch."""
        self.note(state=state, trouble=trouble, ended_at=Now() if state != State.WAITING else F("ended_at"))
