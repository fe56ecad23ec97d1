"""The controller's part itself, with pods that are only said to be available."""

from dataclasses import dataclass
from typing import Any

from tests.rollout.deployment import Deployment


@dataclass
class Said:
    """A pod that does at once what it is told, but becomes available and gone when the test says so."""

    revision: int
    is_available: bool = False
    gone: bool = False
    told_at: float | None = None

    def available(self, _: float) -> bool:
        return self.is_available

    def end(self) -> None:
        self.told_at = 0


def deployment(replicas: int, strategy: dict[str, Any]) -> Deployment:
    one = Deployment(lambda _workload, _release, revision: Said(revision))
    one.apply({"spec": {"replicas": replicas, "strategy": strategy}}, "old")
    settle(one)
    one.apply(one.workload, "new")
    return one


def settle(one: Deployment) -> None:
    """Until nothing is left to do, with everything that becomes possible at once."""
    for _ in range(20):
        if one.sync():
            return
        for pod in one.pods:
            pod.is_available, pod.gone = True, pod.told_at is not None
    raise AssertionError(one.pods)


def staying(one: Deployment) -> list[int]:
    return [pod.revision for pod in one.pods if pod.told_at is None]


def test_a_surge_starts_first_and_ends_an_old_one_when_the_new_one_is_available() -> None:
    one = deployment(2, {"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}})
    assert not one.sync()
    assert staying(one) == [1, 1, 2]
    one.sync()
    assert staying(one) == [1, 1, 2]
    one.pods[-1].is_available = True
    one.sync()
    assert staying(one) == [1, 2]
    one.sync()
    assert staying(one) == [1, 2, 2]
    settle(one)
    assert staying(one) == [2, 2]


def test_one_may_be_missing_where_the_strategy_says_so() -> None:
    one = deployment(3, {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
    one.sync()
    assert staying(one) == [1, 1]
    one.sync()
    assert staying(one) == [1, 1, 2]


def test_recreate_starts_nothing_until_the_old_one_is_gone() -> None:
    one = deployment(1, {"type": "Recreate"})
    one.sync()
    one.sync()
    assert staying(one) == []
    one.pods[0].gone = True
    one.sync()
    assert staying(one) == [2]


def test_a_pod_that_still_drains_keeps_the_rollout_from_being_over() -> None:
    one = deployment(1, {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    one.sync()
    one.pods[-1].is_available = True
    one.sync()
    assert staying(one) == [2]
    assert not one.sync()
    one.pods[0].gone = True
    assert one.sync()
