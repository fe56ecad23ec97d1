"""Causes a fault beside `make up`, and times the way from there to its alert and to the mend.

Run by `make drill` where Django's settings are.
"""

import random
import sys
import time
from dataclasses import dataclass

from deploy.local.faults import AWAY, FAULTS, Fault, Mended
from switchyard.alerts.explanation import would_come
from switchyard.alerts.readings import own_look

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Course:
    """Seconds from the fault; None for what did not come."""

    alert: float | None = None
    mended: float | None = None


def main(fault: str, minutes: float) -> None:
    """Exits with 0 when it was mended in time, else with 1; 2 for a fault that there is not."""
    name = fault or random.choice(list(FAULTS))  # noqa: S311
    if name not in FAULTS:
        say(f"There is no fault {name}; there are {', '.join(FAULTS)}.")
        sys.exit(2)
    sys.exit(drilled(FAULTS[name], minutes).mended is None)


def drilled(fault: Fault, minutes: float) -> Course:
    """Says when it begins, when its alert holds, and at the end what it was."""
    say(
        "Something is wrong now. Stand with `make on-call`, begin with `python -m app doctor`, and mend it "
        f"by the runbooks. You have {minutes:g} minutes; Ctrl-C gives up."
    )
    course = Course()
    try:
        with fault.cause() as mended:
            course = timed(mended, fault.alert, minutes * 60)
    except KeyboardInterrupt:
        say("")
    held = "did not hold" if course.alert is None else f"held after {course.alert:.0f} s"
    took = "nobody mended it" if course.mended is None else f"it was mended after {course.mended:.0f} s"
    say(f"It was: {fault.what}. Its alert, {fault.alert}, {held}; {took}.")
    say(f"The way: deploy/runbooks/{fault.alert}.md: {fault.led}.")
    return course


def timed(mended: Mended, alert: str, seconds: float) -> Course:
    began, seen = time.monotonic(), None
    while (gone := time.monotonic() - began) < seconds:
        if is_mended(mended):
            return Course(seen, gone)
        if seen is None and alert in {state.alert.name for state in would_come(own_look())[0]}:
            seen = time.monotonic() - began
        time.sleep(POLL_SECONDS)
    return Course(seen)


def is_mended(mended: Mended) -> bool:
    try:
        return mended()
    except AWAY:
        return False


def say(text: str) -> None:
    print(text, flush=True)
