"""A pod as a process: started, probed, and ended in its grace period, as the kubelet does."""

import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.processes import signal_group
from tests.rollout.probes import Container, Probe, run

#: How long after a pod was told to end a Service may still send requests to it.
ENDPOINT_LAG_SECONDS = 2
#: The kubelet's own extra time when a preStop hook has used all of the grace.
LEAST_GRACE_SECONDS = 2


@dataclass
class Pod:
    """``complaints`` are what would have made the kubelet restart the container: it is left as it is."""

    name: str
    release: str
    revision: int
    template: dict[str, Any]
    container: Container
    popen: "subprocess.Popen[bytes]"
    folder: Path
    complaints: list[str] = field(default_factory=list)
    ready_since: float | None = None
    told_at: float | None = None
    #: Seconds from being told to end until the last process was gone.
    ending_seconds: float | None = None
    killed: bool = False
    _told: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def gone(self) -> bool:
        return self.ending_seconds is not None

    @property
    def serving(self) -> bool:
        """Whether the Service has it: it is ready, or was until a moment ago."""
        if self.told_at is not None:
            return time.monotonic() < self.told_at + ENDPOINT_LAG_SECONDS
        return self.ready_since is not None

    def available(self, least_seconds: float) -> bool:
        """Ready for so long (minReadySeconds)."""
        return self.ready_since is not None and time.monotonic() >= self.ready_since + least_seconds

    def watch(self) -> None:
        """Begin to probe."""
        self._in_thread(self._probe)

    def end(self) -> None:
        """preStop, SIGTERM, and SIGKILL to what is left after the grace period. Returns at once."""
        if self.told_at is None:
            self.told_at = time.monotonic()
            self._told.set()
            self._in_thread(self._end)

    def kill(self) -> None:
        """All of its processes, at once; for the end of a test."""
        self._told.set()
        signal_group(self.popen.pid, signal.SIGKILL)
        self.popen.wait(30)
        for thread in self._threads:
            thread.join(60)

    def _in_thread(self, what: Any) -> None:
        thread = threading.Thread(target=what, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _probe(self) -> None:
        if not self._started():
            return
        probes = {name: Probe(self._spec[name]) for name in ("readinessProbe", "livenessProbe")}
        while not self._told.wait(max(0.0, min(p.next_at for p in probes.values()) - time.monotonic())):
            if self._ended():
                return
            for name, probe in probes.items():
                if time.monotonic() >= probe.next_at:
                    self._note(name, probe.look(self.container))

    def _started(self) -> bool:
        probe = Probe(self._spec["startupProbe"])
        while (state := probe.look(self.container)) is None and not self._ended():
            if self._told.wait(probe.period_seconds):
                return False
        if state is False:
            self.complaints.append(f"{self.name} did not pass its startup probe")
        return bool(state)

    def _ended(self) -> bool:
        ended = self.popen.poll() is not None and not self._told.is_set()
        if ended:
            self.ready_since = None
            self.complaints.append(f"{self.name} ended by itself with {self.popen.returncode}")
        return ended

    def _note(self, name: str, state: bool | None) -> None:
        if self._told.is_set():
            return
        if name == "livenessProbe" and state is False:
            self.complaints.append(f"{self.name} did not pass its liveness probe")
        if name == "readinessProbe":
            self.ready_since = (self.ready_since or time.monotonic()) if state else None

    def _end(self) -> None:
        grace = float(self.template["spec"].get("terminationGracePeriodSeconds", 30))
        left = self._after_pre_stop(grace)
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(left)
        except subprocess.TimeoutExpired:
            self.killed = True
        # What the main process has left behind ends with its container.
        signal_group(self.popen.pid, signal.SIGKILL)
        self.popen.wait(30)
        assert self.told_at is not None
        self.ending_seconds = time.monotonic() - self.told_at

    @property
    def _spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.template["spec"]["containers"][0]
        return spec

    def _after_pre_stop(self, grace_seconds: float) -> float:
        """Run the hook, and return what it leaves of the grace."""
        began, hook = time.monotonic(), self._spec.get("lifecycle", {}).get("preStop", {})
        if "sleep" in hook:
            time.sleep(min(hook["sleep"]["seconds"], grace_seconds))
        if "exec" in hook:
            run(hook["exec"]["command"], self.container, grace_seconds)
        left = grace_seconds - (time.monotonic() - began)
        return max(left, LEAST_GRACE_SECONDS) if hook else left
