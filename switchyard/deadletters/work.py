"""Does what was asked for on the dead letters, one job after another.

Which role: one of its own. It needs the one broker user that may take from the dead-letter queues, and no
other role should: the relay publishes and nothing else, workers read work, beat and web know no broker. It
holds no lease but its turn, may be killed at any moment, and while it is away nothing is lost or late but
what people have asked for, whose page says so.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.db import connection
from kombu import Connection

from switchyard import heartbeat
from switchyard.deadletters import actions
from switchyard.deadletters.copying import copy
from switchyard.deadletters.jobs import Progress, open_jobs, places_of, selection
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.models import Deed, Job, State
from switchyard.deadletters.queue import broker
from switchyard.deadletters.scan import Scan
from switchyard.deadletters.turn import Turn
from switchyard.identity.installation import Ownership
from switchyard.outage import NotYet, Unavailable, first_line
from switchyard.routing import QUEUES
from switchyard.stop import Stop

#: Between two looks for a job, and after a server was away.
LOOK_SECONDS = 1.0
AWAY_SECONDS = 5.0

log = structlog.get_logger("switchyard.deadletters")


class Worker:
    """Not shared between threads."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._ownership = Ownership()
        self._trouble = ""

    def run(self) -> None:
        """Until ``stop`` is set; what is in hand then goes on with whoever works next."""
        while not self._stop.is_set():
            try:
                worked = self.turn()
            except (NotYet, DatabaseError) as error:
                worked = False
                self._say(first_line(error))
                connection.close()
                self._ownership.forget()
            if not worked:
                self._stop.wait(AWAY_SECONDS if self._trouble else LOOK_SECONDS)

    def turn(self) -> bool:
        """One job, if one is asked for and nobody else works on any. Raises NotYet, django.db.Error."""
        foreign = self._ownership.foreign()
        heartbeat.touch()
        self._say(foreign)
        if foreign or not open_jobs().exists():
            return False
        with Turn() as turn:
            job = open_jobs().first() if turn.take() else None
            return job is not None and self.work(job)

    def work(self, job: Job) -> bool:
        """Whether it is over. Raises django.db.Error."""
        stop = Stop()
        progress = _Stopping(job, stop, self._stop)
        log.info("job_begins", job=job.pk, deed=job.deed, by=job.by)
        try:
            progress.begin()
            with broker() as link:
                _do(job, link, progress, stop)
        except Unavailable as away:
            self._say(str(away))
            progress.end(State.WAITING, str(away))
            return False
        except DatabaseError:
            raise
        except Exception as error:  # whatever it is, it is said, and the next job goes on
            log.exception("job_failed", job=job.pk)
            progress.end(State.FAILED, f"{type(error).__name__}: {first_line(error)}")
            return True
        return self._ended(job, progress)

    def _ended(self, job: Job, progress: Progress) -> bool:
        """A worker that was told to end leaves it to the next."""
        state = State.DONE
        if progress.cancelled:
            state = State.CANCELLED
        elif self._stop.is_set():
            state = State.WAITING
        progress.end(state)
        log.info("job_ends", job=job.pk, state=state)
        return state != State.WAITING

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.warning("jobs_wait", reason=trouble)
        self._trouble = trouble


class _Stopping(Progress):
    """Stops when its worker is told to end, too; the role's heartbeat file tells that it moves."""

    def __init__(self, job: Job, stop: Stop, ending: Stop) -> None:
        super().__init__(job, stop)
        self._ending = ending

    def step(self) -> None:
        super().step()
        if self._ending.is_set():
            self._stop.set()

    def note(self, **more: Any) -> None:
        heartbeat.touch()
        super().note(**more)


def _do(job: Job, link: Connection, progress: Progress, stop: Stop) -> None:
    if job.deed == Deed.COPY:
        copy(link, job, progress, stop)
        return
    act, why_not = deed_of(job)
    left = None if job.most is None else max(0, job.most - job.done)
    scan = Scan(places_of(job), selection(job), left, progress)
    scan.stop = stop

    def accepts(letter: DeadLetter) -> bool:
        why = why_not(letter)
        if why:
            progress.refuse(why)
        return not why

    for _ in scan.act(link, accepts, act, job.rate or float("inf")):
        pass


def deed_of(job: Job) -> tuple[Callable[..., None], Callable[[DeadLetter], str]]:
    """What is done with a batch, and why it cannot be with one of it; empty if it can."""
    if job.deed == Deed.DISCARD:
        return partial(actions.discard, by=job.by, job=job), lambda _: ""
    to = QUEUES.get(job.to)
    return partial(actions.replay, by=job.by, to=to, job=job), partial(actions.why_not_replayed, to=to)
