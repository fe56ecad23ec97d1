"""Injuries of the broker."""

import time
from collections.abc import Callable
from itertools import count
from urllib.parse import quote

import httpx

from app.queues import IO
from tests.faults.removed import promise_to_removed
from tests.faults.soak.scene import LENGTH_SECONDS, Scene

#: That a broker which was stopped in order is away.
AWAY_SECONDS = 1
#: Begins the name of their queue, and the keys of what was to go there.
REMOVED = "removed"

MEMORY = (["set_vm_memory_high_watermark", "absolute", "1MB"], ["set_vm_memory_high_watermark", "0.4"])
DISK = (["set_disk_free_limit", "90000GB"], ["set_disk_free_limit", "50MB"])

_removed = count()


def kill(scene: Scene) -> bool:
    scene.broker.kill()
    scene.broker.start()
    return True


def stop_in_order(scene: Scene) -> bool:
    scene.broker.ctl("stop_app")
    time.sleep(AWAY_SECONDS)
    scene.broker.ctl("start_app")
    return True


def close_connections(scene: Scene) -> bool:
    scene.broker.ctl("close_all_connections", "--vhost", scene.vhost, "fault")
    return True


def alarm(set_it: list[str], clear_it: list[str]) -> Callable[[Scene], bool]:
    def harm(scene: Scene) -> bool:
        scene.broker.ctl(*set_it)
        try:
            time.sleep(LENGTH_SECONDS)
        finally:
            scene.broker.ctl(*clear_it)
        return True

    return harm


def fill_queue(scene: Scene) -> bool:
    where = f"/api/policies/{quote(scene.vhost, safe='')}/switchyard-{IO.name}"
    with httpx.Client(base_url=scene.broker.management_url, timeout=30, trust_env=False) as http:
        policy = http.get(where).raise_for_status().json()
        full = policy | {"definition": policy["definition"] | {"max-length": 1}}
        http.put(where, json=full).raise_for_status()
        try:
            time.sleep(LENGTH_SECONDS)
        finally:
            http.put(where, json=policy).raise_for_status()
    return True


def remove_queue(_: Scene) -> bool:
    """With countdowns on their way to it: they are found in ``unroutable``, and replayed at the end."""
    promise_to_removed(f"{REMOVED}-{next(_removed)}")
    return True
