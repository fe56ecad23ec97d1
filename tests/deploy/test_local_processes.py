import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.home import claimed
from deploy.local.processes import end, end_marked, marked, spawn
from tests.live.processes import eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
AWAKE = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(600)"]
PARENT = """
import os, time
from pathlib import Path
from deploy.local.processes import spawn
spawn({command!r}, home=Path({home!r}), env=dict(os.environ), output=1)
time.sleep(600)
"""


def start(command: list[str], home: Path) -> "subprocess.Popen[bytes]":
    return spawn(command, home=home, env=dict(os.environ), output=subprocess.DEVNULL)


def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: started.append(start(SLEEP, tmp_path)))
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        started[0].wait(0.3)
    end(started[0], grace_seconds=5)


def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    code = PARENT.format(command=AWAKE, home=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"awake\n"
        parent.kill()
    eventually(lambda: not marked(tmp_path), within=10, what="its processes to be gone")


def test_what_ignores_the_request_is_killed_after_its_grace(tmp_path: Path) -> None:
    process = start(DEAF, tmp_path)
    end(process, grace_seconds=0.2)
    assert process.returncode is not None


def test_only_processes_with_the_mark_are_ended(tmp_path: Path) -> None:
    ours, other = start(SLEEP, tmp_path / "ours"), start(SLEEP, tmp_path / "other")
    assert end_marked(tmp_path / "ours") == 1
    ours.wait(5)
    assert other.poll() is None
    end(other, grace_seconds=5)


def test_a_folder_has_one_holder_who_is_named_to_the_next(tmp_path: Path) -> None:
    with (
        claimed(tmp_path),
        pytest.raises(LocalError, match=f"is in use by process {os.getpid()}"),
        claimed(tmp_path),
    ):
        pass
    with claimed(tmp_path):
        pass
