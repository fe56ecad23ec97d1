"""Answers web's probes where no request of a user's is in the way: on the port of its metrics.

``/livez``: the worker's loop turns, and not every thread has been busy with one and the same request for
minutes. ``/readyz``: the database answered lately, and takes writes; it is asked beside the probe, which
waits ANSWER_SECONDS for it and no longer. Of several processes the one that has the port answers for itself;
gunicorn ends each whose loop stands still.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from switchyard.deadline import SlowRead
from switchyard.metrics.server import Probe, Probes
from switchyard.process.health import look_at_database

#: gunicorn itself ends a worker after 30.
LOOP_SECONDS = 15.0
#: What is before web gives up after a minute at most.
STUCK_SECONDS = 300.0
#: How old what is said of the database may be.
EVERY_SECONDS = 2.0
ANSWER_SECONDS = 1.0


def probes(worker: Any) -> Probes:
    """Of a worker of gunicorn's, of any class."""
    return {"/livez": alive(worker), "/readyz": ready(look_at_database)}


def alive(worker: Any) -> Probe:
    def look() -> tuple[bool, dict[str, Any]]:
        still = time.monotonic() - worker.tmp.last_update()
        stuck = getattr(worker, "stuck_seconds", 0.0)
        if still > LOOP_SECONDS:
            return False, {"alive": False, "loop": f"has stood still for {still:.0f} s"}
        if stuck > STUCK_SECONDS:
            return False, {"alive": False, "threads": f"have all been busy for {stuck:.0f} s"}
        return True, {"alive": True}

    return look


def ready(look: Callable[[], tuple[bool, dict[str, Any]]]) -> Probe:
    read, lock = SlowRead(look, EVERY_SECONDS), Lock()

    def answer() -> tuple[bool, dict[str, Any]]:
        with lock:
            current = read.begin()
        try:
            return current.result(ANSWER_SECONDS)
        except TimeoutError:
            return False, {"ready": False, "database": f"did not answer within {ANSWER_SECONDS:g} s"}

    return answer
