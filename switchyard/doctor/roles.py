"""Looks whether each role does its work, by what it leaves where anybody can see it.

A worker is a consumer on the broker, beat a lease; relay, exporter and web are sessions of the database by
their names. A pooler hides sessions from us: what is then not seen is not held against anybody.
"""

import time
from functools import partial

from django.db import connection

from switchyard.alerts.condition import number
from switchyard.conf import conf
from switchyard.deadline import BoundedRead
from switchyard.doctor.broker import open_management
from switchyard.doctor.look import SECONDS, Found, Look, NotSeen
from switchyard.metrics.beat import read_beat
from switchyard.metrics.state import Yard, read_yard
from switchyard.pooler import connected, is_pooled
from switchyard.postgresql.limits import in_limits
from switchyard.postgresql.name import AT
from switchyard.queues import QueueSpec
from switchyard.routing import QUEUES

#: Who holds the lease looks every 2 s.
SILENT_SECONDS = 60
#: Names of sessions that are a role's: web may be served by another program than ours.
SESSIONS = {
    "relay": ("relay",),
    "exporter": ("exporter",),
    "web": ("web", "gunicorn", "uvicorn", "daphne", "hypercorn", "uwsgi"),
}
#: Who has one for as long as it runs.
STAYS = {"relay"}
#: Within which a role comes back that was thrown out: the exporter's round, and a moment.
COMES_BACK_SECONDS = {"exporter": 6.0}
_COUNT = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND split_part(application_name, %s, 1) = ANY(%s)
"""


def looks() -> list[Look]:
    yard = BoundedRead(_yard, SECONDS)
    return [
        *(Look(f"worker {name}", partial(worker, spec, yard)) for name, spec in QUEUES.items()),
        Look("beat", in_limits(beat)),
        *(Look(role, partial(session, role)) for role in SESSIONS),
    ]


def worker(spec: QueueSpec, yard: BoundedRead[Yard]) -> Found:
    state = yard.result().states[spec.name]
    if state.consumers:
        return Found(f"{state.consumers} take from {spec.name}; {number(state.messages_ready)} wait")
    if state.messages_ready is None:
        raise NotSeen(f"The broker has not counted {spec.name} yet (up to 10 s), or does not have it.")
    if state.messages_ready == 0:
        return Found(f"nobody takes from {spec.name}, and nothing waits: scaled to zero, or not started")
    return Found(
        f"nobody takes from {spec.name}; {number(state.messages_ready)} wait",
        f"Start one: `{conf.COMMAND} worker {spec.name}`, or its Deployment "
        f"(`kubectl scale deployment/worker-{spec.name} --replicas=2`).",
    )


def beat() -> Found:
    found = read_beat()
    if not found.holders:
        return Found(
            "nobody holds the lease: nothing of the schedule is sent",
            f"Start one: `{conf.COMMAND} beat`, or `kubectl rollout restart deployment/beat`.",
        )
    says = f"looked at the schedule {number(found.tick_age)} s ago"
    if (found.tick_age or 0) > SILENT_SECONDS:
        return Found(says, "It hangs: restart it (`kubectl rollout restart deployment/beat`).")
    return Found(says)


def session(role: str) -> Found:
    deadline = time.monotonic() + COMES_BACK_SECONDS.get(role, 0)
    while not (count := in_limits(partial(_sessions, role))()) and time.monotonic() < deadline:
        time.sleep(0.5)
    if count:
        return Found(f"{count} sessions at the database")
    with connected() as link:
        pooled = is_pooled(link)
    if pooled:
        return Found("not to be seen through a pooler")
    start = f"Start it: `{conf.COMMAND} {role}`, or `kubectl rollout restart deployment/{role}`."
    if role in STAYS:
        return Found("no session at the database: it is not running", start)
    raise NotSeen(f"It has no session at the database just now: idle, or down. {start}")


def _sessions(role: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [AT, list(SESSIONS[role])])
        return int(cursor.fetchone()[0])


def _yard() -> Yard:
    with open_management() as management:
        return read_yard(management)
