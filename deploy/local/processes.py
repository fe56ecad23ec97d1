"""Children that never outlive their supervisor, and the end of those a killed supervisor left behind."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

MARK = "SWITCHYARD_HOME"

# The parent-death signal follows the thread that forked, not the process: one thread that lives as long as
# the process forks for all, so that a child does not die with the test or request that happened to start it.
_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


def spawn(
    command: list[str],
    *,
    home: Path,
    env: Mapping[str, str],
    output: int | IO[bytes],
    cwd: Path | None = None,
    death_signal: str = "TERM",
    privileges: Iterable[str] = (),
) -> subprocess.Popen[bytes]:
    """Starts `command` in a process group of its own, marked as belonging to `home`.

    It gets `death_signal` when this process dies, however that happens (Linux). `privileges` are setpriv's
    own flags.
    """
    return _forker.submit(
        subprocess.Popen,
        bound(command, death_signal, privileges),
        env={**env, MARK: str(home)},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,
    ).result()


def bound(command: list[str], death_signal: str = "TERM", privileges: Iterable[str] = ()) -> list[str]:
    """The command, bound to the life of the process that starts it where the system can do that."""
    setpriv = shutil.which("setpriv")
    return [setpriv, f"--pdeathsig={death_signal}", *privileges, "--", *command] if setpriv else command


def end(
    process: subprocess.Popen[bytes], *, grace_seconds: float, number: signal.Signals = signal.SIGTERM
) -> None:
    """Asks the process to end with signal `number`, and kills what is left of its group after the grace."""
    if process.poll() is None:
        process.send_signal(number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace_seconds)
    signal_group(process.pid, signal.SIGKILL)
    process.wait()


def signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def marked(home: Path) -> list[int]:
    """Processes that carry the mark of `home`: ours, whatever group or parent they have now."""
    wanted = f"{MARK}={home}".encode()
    return [pid for pid in _process_ids() if pid != os.getpid() and wanted in _environment(pid)]


def end_marked(home: Path, *, grace_seconds: float = 5) -> int:
    """Ends every process that `home` left running; returns how many there were."""
    found = marked(home)
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        for pid in marked(home):
            _signal(pid, number)
        if _gone(home, seconds):
            break
    return len(found)


def _gone(home: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while marked(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _process_ids() -> list[int]:
    proc = Path("/proc")
    return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()] if proc.is_dir() else []


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
