"""The Deployment controller: which pods to start and to end next, by the Deployment's own strategy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

from tests.rollout.pod import Pod

#: Starts a pod of this workload, release and revision.
Start = Callable[[dict[str, Any], str, int], Pod]


@dataclass
class Deployment:
    """Every pod that it ever had is kept, for what is asked of them in the end."""

    start: Start
    workload: dict[str, Any] = field(default_factory=dict)
    release: str = ""
    revision: int = 0
    #: Ends no pod meanwhile: what ``kubectl rollout pause`` after the first new pod comes to.
    held: bool = False
    pods: list[Pod] = field(default_factory=list)

    def apply(self, workload: dict[str, Any], release: str) -> None:
        """A new template: what ``kubectl apply`` of another image, or ``rollout restart``, makes."""
        self.workload, self.release = workload, release
        self.revision += 1

    def sync(self) -> bool:
        """Do what can be done at this moment; whether there is nothing left to do."""
        if self.workload["spec"]["strategy"].get("type") == "Recreate":
            self._recreate()
        else:
            self._roll()
        current = [pod for pod in self._staying() if pod.revision == self.revision and self._available(pod)]
        return (
            not self.held
            and len(current) == self._replicas
            and all(pod.gone for pod in self.pods if pod not in current)
        )

    def ready_revisions(self) -> set[int]:
        return {pod.revision for pod in self._staying() if pod.ready_since is not None}

    def _recreate(self) -> None:
        old = [pod for pod in self.pods if pod.revision != self.revision]
        for pod in [] if self.held else old:
            pod.end()
        if all(pod.gone for pod in old):
            self._start(self._replicas)

    def _roll(self) -> None:
        self._start(self._replicas + self._most("maxSurge", ceil))
        staying = self._staying()
        old = [pod for pod in staying if pod.revision != self.revision]
        spare = sum(map(self._available, staying)) - (self._replicas - self._most("maxUnavailable", floor))
        for pod in old[: 0 if self.held else max(spare, 0)]:
            pod.end()

    def _start(self, most: int) -> None:
        """Pods of the current revision, up to their number, while all together are not more than ``most``."""
        staying = self._staying()
        current = [pod for pod in staying if pod.revision == self.revision]
        for _ in range(min(self._replicas - len(current), most - len(staying))):
            self.pods.append(self.start(self.workload, self.release, self.revision))

    def _staying(self) -> list[Pod]:
        """A pod that has been told to end is not counted any more, however long it takes."""
        return [pod for pod in self.pods if pod.told_at is None]

    def _available(self, pod: Pod) -> bool:
        return pod.available(self.workload["spec"].get("minReadySeconds", 0))

    @property
    def _replicas(self) -> int:
        return int(self.workload["spec"].get("replicas", 1))

    def _most(self, what: str, rounded: Callable[[float], int]) -> int:
        value = self.workload["spec"]["strategy"]["rollingUpdate"][what]
        if isinstance(value, int):
            return value
        return rounded(self._replicas * float(value.removesuffix("%")) / 100)
