"""What a task or a role fills up, memory or /tmp, costs that pod its work and loses nobody's."""

import time

import httpx
import pytest

from tests.node.disruption import Row, assert_nothing_shows, disruption
from tests.node.looking import eventually
from tests.node.service import ROLES, Service

#: More than any limit of memory here.
BOMB_MEGABYTES = 2_000
#: Longer than any liveness probe has patience.
FULL_SECONDS = 120
FILL = "dd if=/dev/zero of=/tmp/full bs=64k"
EMPTY = "rm /tmp/full"


@pytest.mark.parametrize(("queue", "who"), [("cpu", "child"), ("io", "worker")])
def test_a_task_that_eats_all_memory_is_dead_lettered_and_nothing_is_lost(
    service: Service, rows: list[Row], queue: str, who: str
) -> None:
    """What runs beside it in a worker of threads is killed as often as it is, and may end where it ends."""
    with disruption(service, rows, f"a {who} killed by its limit of memory, again and again") as row:
        row.bombs = 1
        promise(service, f"bomb-{queue}", f"ledger.{queue}_bomb", megabytes=BOMB_MEGABYTES)
        eventually(lambda: service.letters() > row.letters_before, within=900, what="a dead letter")
    assert (row.lost, row.effects_twice, row.refused) == (0, 0, {}), row
    assert row.letters >= 1


def promise(service: Service, key: str, task: str, **kwargs: object) -> None:
    body = {"key": key, "task": task, "kwargs": kwargs}
    headers = {"Host": "localhost"}
    answer = httpx.post(f"{service.url}/promise", json=body, headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 202, answer.text


def test_tmp_is_full_in_every_pod(service: Service, rows: list[Row]) -> None:
    pods = [pod["metadata"]["name"] for role in ROLES for pod in service.pods(role)]
    before = service.restarts()
    with disruption(service, rows, f"no room in any pod's /tmp for {FULL_SECONDS} s") as row:
        for pod in pods:
            done = service.cluster.kubectl("exec", pod, "--", "sh", "-c", FILL)
            assert "No space left" in done.stderr, done
        # The length of the fault.
        time.sleep(FULL_SECONDS)
        for pod in pods:
            service.cluster.kubectl("exec", pod, "--", "sh", "-c", EMPTY)
    assert_nothing_shows(row)
    assert service.restarts() == before
