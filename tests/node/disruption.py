"""Something is done to the service under load, and what came of it is counted."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.node.looking import eventually
from tests.node.service import Service
from tests.rollout.load import Load

PER_SECOND = 4.0
#: Requests before the disruption, and after it.
AROUND = 20
#: The longest drain, and what a message waits when its worker's node is lost.
DONE_SECONDS = 1200


@dataclass
class Row:
    """Of RESULT.md. ``seconds`` are from the disruption until all is whole again."""

    name: str
    seconds: float = 0.0
    promised: int = 0
    lost: int = 0
    effects_twice: int = 0
    runs_twice: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    #: What these were told, for whoever looks at a test that failed.
    told: dict[str, int] = field(default_factory=dict)
    longest_seconds: float = 0.0
    letters: int = 0
    late_probes: int = 0
    letters_before: int = 0
    #: Of the letters, those of the disruption itself; every other one is of a task that is missing.
    bombs: int = 0
    #: From the server's readiness until web's; None where no server was away.
    after_server_seconds: float | None = None
    #: The test of it.
    failed: bool = False


@contextmanager
def disruption(service: Service, rows: list[Row], name: str) -> Iterator[Row]:
    """The block disrupts, and returns when what it did is over. The row is complete after it."""
    row = Row(name)
    rows.append(row)
    row.letters_before, probes = service.letters(), late_probes(service)
    prefix = f"{secrets.token_hex(3)}-"
    with Load(service.url, service.host, PER_SECOND, prefix=prefix) as load:
        goes_on(load)
        began = time.monotonic()
        yield row
        service.until_whole()
        row.seconds = time.monotonic() - began
        goes_on(load)
    row.promised, row.refused, row.told = len(load.accepted), dict(load.failed), dict(load.said)
    row.longest_seconds = load.longest_seconds
    found = closed(service, row, prefix)
    forgotten = max(0, row.promised - found["kept"])
    row.lost = forgotten + max(0, mine(found["lost"], prefix) - (row.letters - row.bombs))
    row.effects_twice = mine(found["repeated_effects"], prefix)
    row.runs_twice = mine(found["repeated_runs"], prefix)
    row.late_probes = late_probes(service) - probes


def goes_on(load: Load) -> None:
    """Until so many more are accepted."""
    before = len(load.accepted)
    eventually(lambda: len(load.accepted) >= before + AROUND, within=300, what="requests that are accepted")


def closed(service: Service, row: Row, prefix: str) -> dict[str, Any]:
    """The books, when nothing is missing that is not a dead letter, or time is up."""
    deadline = time.monotonic() + DONE_SECONDS

    def looked() -> dict[str, Any] | None:
        found, row.letters = service.verdict(prefix), service.letters() - row.letters_before
        done = mine(found["lost"], prefix) <= row.letters - row.bombs or time.monotonic() > deadline
        return found if done else None

    found: dict[str, Any] = eventually(looked, within=2 * DONE_SECONDS)
    return found


def mine(keys: list[str], prefix: str) -> int:
    return sum(key.startswith(prefix) for key in keys)


def late_probes(service: Service) -> int:
    """How often a liveness probe was not answered, by the kubelets' own events."""
    events = service.cluster.get("events", "--field-selector=reason=Unhealthy")
    found = [event for event in events if event["message"].startswith("Liveness")]
    return sum(event.get("count") or 1 for event in found)


def assert_nothing_shows(row: Row) -> None:
    """Not to who sent a request, nor to any task."""
    assert (row.lost, row.effects_twice, row.refused, row.letters, row.late_probes) == (0, 0, {}, 0, 0), row


def assert_nothing_is_lost(row: Row) -> None:
    """Though requests may have been refused, and were told when to come again."""
    assert (row.lost, row.effects_twice, row.letters, row.late_probes) == (0, 0, 0, 0), row
    assert set(row.refused) <= {"status 503"}, row
