"""Both servers lose their disks, and a backup brings back all but what was in the broker alone."""

import json
import re
import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from deploy.cluster.backup import backup, contents
from deploy.cluster.kubectl import Kubectl
from deploy.cluster.overlay import Overlay
from deploy.cluster.restore import restore
from deploy.local.errors import LocalError
from tests.node.disruption import PER_SECOND, Row, goes_on, mine
from tests.node.looking import eventually
from tests.node.overlays import local
from tests.node.service import Service
from tests.rollout.load import Load

DONE_SECONDS = 300
#: An entry of the schedule, each run of which is counted.
SCHEDULE = """
import json, django
django.setup()
from django_celery_beat.models import IntervalSchedule, PeriodicTask
every, _ = IntervalSchedule.objects.get_or_create(every=5, period="seconds")
wanted = {"task": "cargo.io_accept", "interval": every, "kwargs": json.dumps({"key": "tick"})}
PeriodicTask.objects.update_or_create(name="ticks", defaults=wanted)
"""
LOOK = """
import json, django
django.setup()
from switchyard.outbox.models import Message
from tests.faults.ledger.models import Execution
held = Message.objects.exclude(quarantined_at=None).count()
ticks = Execution.objects.filter(key="tick").count()
print(json.dumps({"held": held, "waiting": Message.objects.count() - held, "ticks": ticks}))
"""


def test_a_backup_outlives_the_disks_of_both_servers(
    service: Service, rows: list[Row], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is promised after it is gone, and what only the broker had is what the backup has counted."""
    row, prefix, folder = Row(""), f"{secrets.token_hex(3)}-", tmp_path / "backup"
    service.execute("deployment/web", "python", "-c", SCHEDULE)
    with local("old") as chosen, Load(service.url, service.host, PER_SECOND, prefix=prefix) as load:
        goes_on(load)
        have_some_wait(service)
        backup(Kubectl(chosen.context), chosen, folder)
        assert_refused_while_there_are_tables(service, chosen, folder)
        goes_on(load)
        began = time.monotonic()
        lose_both_disks(service)
        restore(Kubectl(chosen.context), chosen, folder, "hold", yes=True)
        service.bring("old")
        row.seconds = time.monotonic() - began
        assert_goes_on_with_what_is_held(service, held(capfd.readouterr().out), load)
    service.execute("deployment/exporter", "python", "-m", "app", "topology", "check")
    in_broker = sum(contents(folder)["in_broker"].values())
    found = books(service, prefix, in_broker)
    row.promised, row.refused, row.longest_seconds = found["kept"], dict(load.failed), load.longest_seconds
    gone, row.lost = len(load.accepted) - found["kept"], mine(found["lost"], prefix)
    row.effects_twice = mine(found["repeated_effects"], prefix)
    row.runs_twice = mine(found["repeated_runs"], prefix)
    row.name = (
        "both servers lost with their disks, restored from a backup (when it was taken the broker held "
        f"{in_broker}; {gone} were promised after it)"
    )
    rows.append(row)
    assert 0 < row.lost <= in_broker
    assert row.effects_twice == 0


def have_some_wait(service: Service) -> None:
    """In the broker, for want of a worker, and then in the outbox, for want of a relay."""
    service.cluster.say("scale", "--replicas=0", "deployment/worker-cpu")
    eventually(
        lambda: service.depths().get("cpu", 0) > 0, within=300, what="messages that wait in the broker"
    )
    service.cluster.say("scale", "--replicas=0", "deployment/relay")
    eventually(lambda: looked(service)["waiting"] > 0, within=300, what="messages that wait in the outbox")


def assert_refused_while_there_are_tables(service: Service, chosen: Overlay, folder: Path) -> None:
    with pytest.raises(LocalError, match="into an empty one: no role was ended"):
        restore(Kubectl(chosen.context), chosen, folder, "hold", yes=True)
    assert service.pods("web")


def lose_both_disks(service: Service) -> None:
    """Their claims go with them: whatever comes next has a volume that nobody has written to."""
    service.cluster.kubectl("delete", "statefulsets", "postgres", "rabbitmq", "--wait=false")
    service.cluster.kubectl("delete", "pods", "postgres-0", "rabbitmq-0", "--force", "--grace-period=0")
    service.cluster.kubectl("delete", "persistentvolumeclaims", "data-postgres-0", "data-rabbitmq-0")


def held(said: str) -> int:
    """By what `adopt-database` said."""
    return int(re.findall(r"(\d+) messages, \d+ entries", said)[0])


def assert_goes_on_with_what_is_held(service: Service, held: int, load: Load) -> None:
    found = looked(service)
    assert found["held"] == held > 0
    service.execute("deployment/web", "python", "-m", "app", "outbox", "requeue")
    goes_on(load)
    eventually(
        lambda: looked(service)["ticks"] > found["ticks"] + 1, within=120, what="ticks of the schedule"
    )


def looked(service: Service) -> dict[str, int]:
    found: dict[str, int] = json.loads(service.execute("deployment/web", "python", "-c", LOOK))
    return found


def books(service: Service, prefix: str, in_broker: int) -> dict[str, Any]:
    """When no more is missing than the broker had alone, or time is up."""
    deadline = time.monotonic() + DONE_SECONDS

    def looked() -> dict[str, Any] | None:
        found = service.verdict(prefix)
        done = mine(found["lost"], prefix) <= in_broker or time.monotonic() > deadline
        return found if done else None

    found: dict[str, Any] = eventually(looked, within=2 * DONE_SECONDS)
    return found
