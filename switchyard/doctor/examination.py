"""All looks, and what they come to."""

from collections.abc import Sequence

from switchyard.alerts.declared import ALERTS
from switchyard.alerts.explanation import would_come
from switchyard.alerts.readings import own_look
from switchyard.conf import conf
from switchyard.doctor import broker, database, roles, versions
from switchyard.doctor.look import Answer, Found, Look, NotSeen, answers

#: Exit code by the worst of all: what is bad can be mended, so it comes before what is not known.
CODES = {"green": 0, "bad": 1, "unknown": 3}


def examined() -> list[Answer]:
    """Within ``look.SECONDS`` of begin to end."""
    rooms = (versions, database, broker, roles)
    return answers([*(look for room in rooms for look in room.looks()), Look("alerts", alerts)])


def alerts() -> Found:
    """What the alerts would say now. That a server is away is told by its own looks too."""
    holding, unknown = would_come(own_look())
    if holding:
        mend = f"Say `{conf.COMMAND} alerts explain {holding[0].alert.name}`."
        return Found(f"these hold now: {', '.join(map(str, holding))}", mend)
    if unknown:
        raise NotSeen(f"Of {', '.join(unknown)} nobody can say it.")
    return Found(f"none of {len(ALERTS)} holds; those about the past only Prometheus can tell")


def worst(found: Sequence[Answer]) -> str:
    """Their state together. What is not known does not hide what is bad."""
    states = {answer.state for answer in found}
    return next((state for state in ("bad", "unknown") if state in states), "green")


def lines(found: Sequence[Answer]) -> list[str]:
    """A line for each look; below it what mends it."""
    width = max(len(answer.name) for answer in found)
    told: list[str] = []
    said: dict[str, str] = {}
    for answer in found:
        # A server that is away is told once.
        first = said.setdefault(answer.says, answer.name) if answer.state != "green" else answer.name
        says = answer.says if first == answer.name else f"as {first}"
        told.append(f"{answer.state:7}  {answer.name:{width}}  {says}")
        if answer.mend:
            told.append(f"{'':7}  {'':{width}}  -> {answer.mend}")
    counts = {state: sum(answer.state == state for answer in found) for state in CODES}
    return [*told, "", ", ".join(f"{count} {state}" for state, count in counts.items()) + "."]
