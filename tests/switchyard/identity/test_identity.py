"""Production cloned into staging sends nothing, runs nothing and schedules nothing until somebody says so."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.identity.checks import database_is_ours
from switchyard.identity.installation import foreign, write
from switchyard.identity.models import DatabaseIdentity
from switchyard.metrics.database import read_database
from switchyard.outbox.models import Message
from switchyard.process import release
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay
from switchyard.schedule.models import Clock, Tick
from switchyard.schedule.scheduler import Scheduler
from tests.live.conftest import vhost

__all__ = ["vhost"]

SENTENCE = "This database is of production (broker rabbit.prod/)"


@pytest.fixture(autouse=True)
def database(transactional_db: None) -> None:
    """Each test has one."""


@pytest.fixture
def clone(settings: Any) -> None:
    """Staging has got production's database: two messages, one for production's quarantine, wait in it."""
    settings.SWITCHYARD_ENVIRONMENT = "staging"
    DatabaseIdentity.objects.create(environment="production", broker="rabbit.prod/", written_by="release")
    for reason in ("", "too large"):
        Message.objects.create(
            task_id=f"mail {reason}",
            task="gallery.io_wait",
            queue="io",
            headers=json.dumps({"task": "gallery.io_wait", "id": f"mail {reason}"}),
            properties="{}",
            body="[]",
            reason=reason,
            quarantined_at=datetime.now(UTC) if reason else None,
        )


def said(*words: str) -> tuple[str, int]:
    """What ``adopt-database`` says, and its exit code."""
    out = StringIO()
    try:
        call_command("switchyard", "adopt-database", *words, stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}", error.returncode
    return out.getvalue(), 0


@pytest.mark.parametrize(
    ("environment", "url", "written", "ours"),
    [
        # A name decides, whatever its broker is called today.
        ("production", "pyamqp://u:p@new.host:5671/other", ("production", "rabbit.prod/"), True),
        ("staging", "pyamqp://u:p@rabbit.prod//", ("production", "rabbit.prod/"), False),
        # Without one the broker does: not by its user, password or port, nor by how its host is written.
        ("", "pyamqp://new:rotated@RABBIT.prod.:5671//", ("", "rabbit.prod/"), True),
        ("", "pyamqp://u:p@rabbit.prod/staging", ("", "rabbit.prod/"), False),
        ("", "pyamqp://u:p@rabbit.staging//", ("", "rabbit.prod/"), False),
        ("", "pyamqp://u:p@127.0.0.1:5673//", ("", "localhost/"), True),
        ("", "pyamqp://u:p@b.prod//;pyamqp://u:p@a.prod//", ("", "a.prod/"), True),
        # One that gets or loses its name is the same by its broker; a clone that has one is another's.
        ("production", "pyamqp://u:p@rabbit.prod//", ("", "rabbit.prod/"), True),
        ("", "pyamqp://u:p@rabbit.prod//", ("production", "rabbit.prod/"), True),
        ("staging", "pyamqp://u:p@rabbit.staging//", ("", "rabbit.prod/"), False),
        # Web and beat in Kubernetes are told no broker: by the name they know, without one they leave it.
        ("production", "pyamqp://none", ("production", "rabbit.prod/"), True),
        ("staging", "pyamqp://none", ("production", "rabbit.prod/"), False),
        ("", "pyamqp://none", ("", "rabbit.prod/"), True),
    ],
)
def test_a_database_is_that_of_its_environment_or_of_its_broker(
    settings: Any, environment: str, url: str, written: tuple[str, str], ours: bool
) -> None:
    settings.SWITCHYARD_ENVIRONMENT, settings.CELERY_BROKER_URL = environment, url
    assert foreign() == ""
    DatabaseIdentity.objects.create(environment=written[0], broker=written[1], written_by="release")
    assert (foreign() == "") == ours


def test_a_release_signs_a_database_that_is_nobodys_and_follows_its_broker(settings: Any) -> None:
    """But leaves another's as it is, and says so."""
    signed: list[str] = []

    def sign() -> None:
        out = StringIO()
        release.Release(stdout=out).sign()
        signed.append(out.getvalue())

    settings.SWITCHYARD_ENVIRONMENT, settings.CELERY_BROKER_URL = "", "pyamqp://u:p@old//"
    sign()
    sign()
    settings.SWITCHYARD_ENVIRONMENT = "production"
    sign()
    settings.CELERY_BROKER_URL = "pyamqp://u:p@new//"
    sign()
    settings.SWITCHYARD_ENVIRONMENT = "staging"
    sign()
    assert [line.strip() for line in signed] == [
        "The database is of an unnamed environment (broker old/).",
        "",
        "The database is of production (broker old/), and was of an unnamed environment (broker old/).",
        "The database is of production (broker new/), and was of production (broker old/).",
        "",
    ]
    [finding] = database_is_ours()
    assert (finding.id, finding.level) == ("yard.W6", 30)
    assert "is of production (broker new/), since" in finding.msg


@pytest.mark.parametrize(("action", "sent", "left"), [("keep", 1, 1), ("hold", 0, 2), ("discard", 0, 0)])
def test_a_relay_sends_nothing_of_a_clone_until_it_is_adopted(
    clone: None, vhost: Any, action: str, sent: int, left: int
) -> None:
    call_command("switchyard", "topology", "apply", verbosity=0)
    relay = Relay(RelayMetrics())
    assert [relay.turn() for _ in range(2)] == [False, False]
    assert Message.objects.count() == 2
    text, code = said(action, "--yes")
    assert code == 0, text
    relay._ownership.forget()
    assert relay.turn() == bool(sent)
    relay._publisher.close()
    assert (Message.objects.count(), Message.objects.filter(quarantined_at=None).count()) == (left, 0)


@pytest.fixture
def missed(clone: None) -> PeriodicTask:
    """An entry whose tick was due in production an hour ago, and a moment that has passed."""
    interval = IntervalSchedule.objects.create(every=1, period="days")
    moment = ClockedSchedule.objects.create(clocked_time=datetime.now(UTC) - timedelta(minutes=5))
    entry = PeriodicTask.objects.create(name="e", task="gallery.io_wait", args='["k"]', interval=interval)
    PeriodicTask.objects.create(
        name="once", task="gallery.io_wait", args='["k"]', clocked=moment, one_off=True
    )
    hours_ago = datetime.now(UTC) - timedelta(hours=25)
    Clock.objects.filter(entry=entry).update(edited_at=hours_ago, counts_from=hours_ago)
    return entry


@pytest.mark.parametrize(("action", "ticks"), [("keep", {"e", "once"}), ("discard", set()), ("hold", set())])
def test_beat_stands_by_over_a_clone_and_runs_no_old_tick_of_it(
    missed: PeriodicTask, action: str, ticks: set[str]
) -> None:
    beat = Scheduler(app=app, lazy=True)
    beat.tick()
    assert (beat.lease.held, Tick.objects.count()) == (False, 0)
    assert SENTENCE in beat._standing_by
    assert said(action, "--yes")[1] == 0
    for _ in range(3):
        beat.tick()
    beat.close()
    assert set(Tick.objects.values_list("entry", flat=True)) == ticks
    # It goes on with its next due time.
    missed.clock.refresh_from_db()
    assert missed.clock.due_at > datetime.now(UTC)


def test_a_person_is_told_what_is_in_a_clone_before_anything_is_done(missed: PeriodicTask) -> None:
    text, code = said("show")
    assert code == 1
    for part in ("of production (broker rabbit.prod/)", "settings are of staging", "gallery.io_wait", "once"):
        assert part in text
    assert said("discard") == (text, 1)
    found = json.loads(said("show", "--json")[0].partition("\n}")[0] + "}")
    assert (found["foreign"], found["outbox"][0]["messages"]) == (True, 2)
    assert Message.objects.count() == 2


def test_what_waits_in_ones_own_database_is_not_discarded_but_can_be_held(clone: None) -> None:
    """As after a restore of its own backup."""
    write("test")
    assert said("show")[1] == 0
    text, code = said("discard", "--yes")
    assert code == 1
    assert "This database is that of these settings, staging (broker" in text
    assert Message.objects.filter(quarantined_at=None).count() == 1
    assert said("hold", "--yes")[1] == 0
    assert Message.objects.filter(quarantined_at=None).count() == 0
    assert DatabaseIdentity.objects.latest("pk").written_by.endswith(": hold")


def test_who_is_told_no_broker_adopts_by_the_name_of_the_environment_or_not_at_all(
    clone: None, settings: Any
) -> None:
    settings.CELERY_BROKER_URL = "pyamqp://none"
    assert said("keep", "--yes") == (
        "The database is of staging now (keep).\n0 messages, 0 entries of the schedule.\n",
        0,
    )
    settings.CELERY_BROKER_URL = "pyamqp://u:p@rabbit.staging//"
    assert foreign() == ""
    settings.SWITCHYARD_ENVIRONMENT, settings.CELERY_BROKER_URL = "", "pyamqp://none"
    text, code = said("hold", "--yes")
    assert (code, "name neither an ENVIRONMENT nor a broker" in text) == (1, True)
    assert Message.objects.filter(quarantined_at=None).count() == 1


def test_whoever_looks_is_told(clone: None, client: Any, admin_client: Any) -> None:
    assert SENTENCE in client.get("/readyz").json()["stands_still"]
    assert read_database().foreign
    assert SENTENCE in admin_client.get("/admin/switchyard/operations/schedule/").content.decode()
    write("test")
    assert client.get("/readyz").json() == {"ready": True}
    assert not read_database().foreign
