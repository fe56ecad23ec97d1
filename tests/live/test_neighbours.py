"""A vhost is one installation's: a second one says so, changes nothing and takes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from app.celery import app
from switchyard.broker.claim import MARKED, OthersVhost, look
from switchyard.broker.live import live_topology
from switchyard.broker.management import Management
from switchyard.installation import identity
from switchyard.metrics.broker import read_topology
from switchyard.outbox.models import Message
from tests.live.broker import Vhost, waiting
from tests.live.processes import Processes, eventually

OTHERS = "2026-03-01T10:52:59.123456"


def topology(*arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    output = StringIO()
    try:
        call_command("switchyard", "topology", *arguments, stdout=output)
    except CommandError as error:
        return error.returncode, output.getvalue()
    return 0, output.getvalue()


def live(vhost: Vhost) -> dict[str, Any]:
    with Management.from_settings() as management:
        return live_topology(management)


@contextmanager
def another_database() -> Iterator[str]:
    """One that got its tables at another time. For an open transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = applied - interval '1 day'")
        yield identity()
        transaction.set_rollback(True)


@pytest.mark.every_broker
@pytest.mark.django_db
def test_topology_names_the_other_and_leaves_its_vhost_alone(vhost: Vhost) -> None:
    assert topology("apply")[0] == topology("check")[0] == 0
    ours, before = identity(), live(vhost)
    with another_database():
        for verb in ("check", "apply"):
            code, said = topology(verb)
            assert code == 1
            assert f"whose database got the engine's tables at {ours}" in said
            assert "BROKER_URL" in said
            assert "--take-over" in said
        assert live(vhost) == before
        with Management.from_settings() as management:
            assert read_topology(management).drift == 2
        assert topology("apply", "--take-over")[0] == topology("check")[0] == 0
    code, said = topology("check")
    assert (code, said.count("another installation")) == (1, 1)


@pytest.mark.every_broker
@pytest.mark.django_db
def test_a_vhost_that_nobody_has_marked_is_anybodys(vhost: Vhost) -> None:
    """As a release before the marks leaves it, and as one is without a database to tell who we are."""
    with app.connection_for_write() as link:
        look(link, OTHERS)
        assert topology("apply")[0] == 0
        look(link, identity())
        look(link, "")
        with pytest.raises(OthersVhost, match=f"no exchange {MARKED}.{OTHERS}"):
            look(link, OTHERS)
        link.default_channel.exchange_delete(MARKED)
        look(link, OTHERS)


def test_a_relay_and_a_worker_in_anothers_vhost_say_so_and_touch_nothing(
    yard: Processes, channel: Any
) -> None:
    app.tasks["gallery.io_wait"].delay("the other's")
    channel.exchange_delete(f"{MARKED}.{identity()}")
    channel.exchange_declare(f"{MARKED}.{OTHERS}", "fanout", durable=True, auto_delete=False)
    app.tasks["gallery.io_wait"].delay_on_commit("ours")
    relay = yard.relay()
    worker = yard.start("worker", "io", env={"WAIT_SECONDS": "2"})
    [refused] = eventually(lambda: relay.events("vhost_of_another"))
    assert f"no exchange {MARKED}.{identity()}" in refused["reason"]
    assert eventually(worker.popen.poll) == 3
    [refused] = worker.events("consuming_refused")
    assert "is another installation's" in refused["reason"]
    assert "BROKER_URL" in refused["remedy"]
    assert waiting(channel, "io") == Message.objects.count() == 1
    with pytest.raises(CommandError, match="is another installation's") as kept:
        call_command("switchyard", "deadletters", "discard", "--yes")
    assert kept.value.returncode == 3
    taken = yard.run("topology", "apply", "--take-over")
    assert taken.returncode == 0, taken.stderr
    eventually(lambda: waiting(channel, "io") == 2, what="the relay to go on")
    assert len(relay.events("vhost_of_another")) == 1
