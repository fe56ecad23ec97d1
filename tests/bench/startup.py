"""What each role costs to start, and what it holds when it is ready."""

import resource
from collections.abc import Iterator
from urllib.request import urlopen

from app.queues import IO
from deploy.local.ports import LOOPBACK
from switchyard.routing import QUEUES
from tests.bench import gauge
from tests.bench.figures import Figure
from tests.bench.yard import Yard
from tests.live.processes import Process, eventually

PART = "start-up"
REAL = {"DJANGO_SETTINGS_MODULE": "app.settings"}
REACH = {f"worker {IO.name}": 2.0}


def measure(yard: Yard) -> Iterator[Figure]:
    yard.processes.run("collectstatic", "--noinput", env=REAL)
    for role in [*(f"worker {queue}" for queue in QUEUES), "relay", "beat"]:
        process = yard.processes.start(*role.split(), env=REAL)
        yard.processes.until_beating(process)
        yield from _figures(role, process)
        yard.end(process)
    for role, port in (("exporter", "EXPORTER_PORT"), ("web", "PORT")):
        process = yard.processes.start(role, env=REAL)
        _until_alive(int(yard.processes.environment[port]))
        yield from _figures(role, process)
        yard.end(process)
    yield Figure(PART, "check, CPU", _check(yard), "s", reach=1.5)


def _figures(role: str, process: Process) -> Iterator[Figure]:
    used = gauge.cpu_seconds(process.popen.pid)
    yield Figure(PART, f"{role}, CPU until ready", used, "s", reach=REACH.get(role))
    yield Figure(PART, f"{role}, memory", gauge.memory_mb(process.popen.pid), "MB")


def _until_alive(port: int) -> None:
    def alive() -> bool:
        try:
            with urlopen(f"http://{LOOPBACK}:{port}/livez", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    eventually(alive, what=f"an answer on port {port}")


def _check(yard: Yard) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = yard.processes.run("check", env=REAL)
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
