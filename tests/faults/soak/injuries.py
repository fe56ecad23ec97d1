"""The kinds of fault of the soak. Each does its harm, waits for its own length, and mends what it must."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from tests.faults.services import children
from tests.faults.soak import broker, database
from tests.faults.soak.scene import LENGTH_SECONDS, Injury, Scene, send
from tests.polling import eventually

#: Of one connection, one after the other.
CUTS = 5


def _kill(prefix: str) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        role = scene.one(prefix)
        if role:
            role.kill_all()
        return role is not None

    return harm


def _kill_child(prefix: str, number: int) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        role = scene.one(prefix)
        found = children(role.pid) if role else []
        if found:
            send(scene.random.choice(found), number)
        return bool(found)

    return harm


def _freeze(prefix: str) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        role = scene.one(prefix)
        if role is None:
            return False
        pid = role.pid
        send(pid, signal.SIGSTOP)
        time.sleep(LENGTH_SECONDS * 1.5)
        send(pid, signal.SIGCONT)
        return True

    return harm


def _roll(prefix: str, grace_seconds: float) -> Callable[[Scene], bool]:
    """SIGTERM, and SIGKILL after the grace."""

    def harm(scene: Scene) -> bool:
        role = scene.one(prefix)
        if role is None or role.process is None:
            return False
        process = role.process
        send(process.pid, signal.SIGTERM)
        with suppress(Exception):
            process.wait(grace_seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return True

    return harm


def _cut(prefix: str) -> Callable[[Scene], bool]:
    return lambda scene: scene.proxy(prefix).cut() > 0


def _cut_often(prefix: str) -> Callable[[Scene], bool]:
    """Each time when it has connected again, so that all of its work is given out anew."""

    def harm(scene: Scene) -> bool:
        proxy, found = scene.proxy(prefix), 0
        for _ in range(CUTS):
            # Another injury may have ended the role: then there is nothing to cut.
            with suppress(AssertionError):
                eventually(lambda: proxy.connections, within=LENGTH_SECONDS)
            found += proxy.cut()
            # The cuts' own pace.
            time.sleep(LENGTH_SECONDS / 3)
        return found > 0

    return harm


def _forget(prefix: str) -> Callable[[Scene], bool]:
    return lambda scene: scene.proxy(prefix).forget() > 0


def _slow(prefix: str) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        proxy = scene.proxy(prefix)
        proxy.answers_delay_seconds = 0.3
        time.sleep(LENGTH_SECONDS)
        proxy.answers_delay_seconds = 0
        return True

    return harm


INJURIES = (
    Injury("web killed", "web", 6, _kill("web")),
    Injury("web child killed", "web", 6, _kill_child("web", signal.SIGKILL)),
    Injury("web replaced", "", 3, _roll("web", 10)),
    Injury("relay killed", "relay", 10, _kill("relay")),
    Injury("relay frozen", "", 3, _freeze("relay")),
    Injury("relay cut off", "", 3, _cut("relay")),
    Injury("relay half-open", "", 3, _forget("relay")),
    Injury("relay's broker slow", "", 2, _slow("relay")),
    Injury("beat killed", "beat", 8, _kill("beat")),
    Injury("beat frozen", "", 3, _freeze("beat")),
    Injury("io worker killed", "worker", 10, _kill("io")),
    Injury("io worker frozen", "", 2, _freeze("io")),
    Injury("io worker replaced", "", 4, _roll("io", 30)),
    Injury("io worker's grace over", "worker", 4, _roll("io", 0.2)),
    Injury("io worker cut off", "", 3, _cut("io")),
    Injury("io worker half-open", "", 2, _forget("io")),
    Injury("io worker cut off again and again", "", 3, _cut_often("io")),
    Injury("cpu worker killed", "worker", 8, _kill("cpu")),
    Injury("cpu worker frozen", "", 2, _freeze("cpu")),
    Injury("cpu worker replaced", "", 4, _roll("cpu", 30)),
    Injury("cpu worker cut off", "", 3, _cut("cpu")),
    Injury("cpu worker cut off again and again", "", 3, _cut_often("cpu")),
    Injury("cpu child killed", "child", 12, _kill_child("cpu", signal.SIGKILL)),
    Injury("cpu child crashed", "child", 8, _kill_child("cpu", signal.SIGSEGV)),
    Injury("broker killed", "broker", 8, broker.kill),
    Injury("broker stopped in order", "", 2, broker.stop_in_order),
    Injury("broker closed connections", "", 3, broker.close_connections),
    Injury("memory alarm", "", 3, broker.alarm(*broker.MEMORY)),
    Injury("disk alarm", "", 3, broker.alarm(*broker.DISK)),
    Injury("queue full", "", 3, broker.fill_queue),
    Injury("queue of countdowns removed", "", 3, broker.remove_queue),
    Injury("database stopped", "database", 8, database.stop),
    Injury("database sessions ended", "", 3, database.end_sessions),
    Injury("pools full", "", 3, database.fill_pools),
    Injury("database without writes", "", 4, database.refuse_writes),
    Injury("database transaction forgotten", "", 3, database.forget_transaction),
    Injury("database's clock a day off", "", 4, database.set_clock),
    Injury("database process killed", "database", 4, database.crash_backend),
)
