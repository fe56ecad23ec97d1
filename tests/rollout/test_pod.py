"""The kubelet's part itself: one that never killed, or never failed a probe, would prove nothing."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.processes import eventually
from tests.rollout.pod import Pod
from tests.rollout.probes import Container

DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); open('ready', 'w'); time.sleep(600)"
WILLING = "import signal, time; signal.signal(15, lambda *_: exit(0)); open('ready', 'w'); time.sleep(600)"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Pod]]:
    started = []

    def start(program: str, spec: dict[str, Any] | None = None, grace: float = 30) -> Pod:
        command = [sys.executable, "-c", program]
        popen = subprocess.Popen(command, cwd=tmp_path, process_group=0)
        container = {"startupProbe": file_exists(tmp_path), "readinessProbe": file_exists(tmp_path)}
        container |= {"livenessProbe": file_exists(tmp_path)} | (spec or {})
        template = {"spec": {"terminationGracePeriodSeconds": grace, "containers": [container]}}
        pod = Pod("one", "old", 1, template, Container("127.0.0.1", {}, {}), popen, tmp_path / "one")
        pod.watch()
        started.append(pod)
        eventually(lambda: pod.ready_since or pod.complaints)
        return pod

    yield start
    for pod in started:
        pod.kill()


def file_exists(folder: Path) -> dict[str, Any]:
    return {
        "exec": {"command": ["/usr/bin/test", "-f", f"{folder}/ready"]},
        "periodSeconds": 0.2,
        "failureThreshold": 300,
    }


def test_a_pod_that_ignores_sigterm_is_killed_after_its_grace(run) -> None:
    pod = run(DEAF, grace=1)
    pod.end()
    eventually(lambda: pod.gone)
    assert (pod.killed, pod.popen.returncode) == (True, -9)
    assert pod.ending_seconds >= 1


def test_a_pod_that_ends_at_sigterm_is_not_killed(run) -> None:
    pod = run(WILLING)
    pod.end()
    eventually(lambda: pod.gone)
    assert (pod.killed, pod.popen.returncode, pod.complaints) == (False, 0, [])


def test_sigterm_comes_after_the_pre_stop_hook_and_the_grace_counts_from_before_it(run, tmp_path) -> None:
    hook = {"exec": {"command": ["/usr/bin/touch", f"{tmp_path}/hooked"]}}
    pod = run(WILLING, {"lifecycle": {"preStop": hook}})
    pod.end()
    eventually(lambda: pod.gone)
    assert (tmp_path / "hooked").exists()
    slow = run(DEAF, {"lifecycle": {"preStop": {"sleep": {"seconds": 60}}}}, grace=1)
    slow.end()
    eventually(lambda: slow.gone)
    assert slow.killed


def test_a_pod_that_is_told_to_end_leaves_the_service_a_moment_later(run) -> None:
    pod = run(DEAF)
    pod.end()
    assert pod.serving
    eventually(lambda: not pod.serving)
    assert not pod.gone


def test_a_pod_whose_readiness_fails_is_out_of_the_service_and_back_when_it_passes(run, tmp_path) -> None:
    quick = file_exists(tmp_path) | {"failureThreshold": 1}
    pod = run(WILLING, {"readinessProbe": quick})
    (tmp_path / "ready").unlink()
    eventually(lambda: not pod.serving)
    (tmp_path / "ready").touch()
    eventually(lambda: pod.serving)


def test_what_would_have_restarted_the_container_is_complained_of(run, tmp_path) -> None:
    never = {"exec": {"command": ["/usr/bin/false"]}, "periodSeconds": 0.1, "failureThreshold": 2}
    assert run(WILLING, {"startupProbe": never}).complaints == ["one did not pass its startup probe"]
    dying = run(WILLING, {"livenessProbe": never})
    eventually(lambda: "one did not pass its liveness probe" in dying.complaints)
    ended = run(WILLING)
    ended.popen.terminate()
    eventually(lambda: any(said.startswith("one ended by itself") for said in ended.complaints))
