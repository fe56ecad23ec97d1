"""The relay between a real outbox and a real broker: what it does when either refuses, hangs or dies."""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection, transaction
from kombu import Connection
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from app.celery import app
from deploy.local.ports import free_ports
from deploy.local.rabbitmq import Broker
from switchyard.outbox.errors import TaskCallError
from switchyard.outbox.models import Message
from switchyard.relay.link import CONFIRM_SECONDS
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import BATCH_ROWS, Relay
from switchyard.routing import QUEUES
from tests.live.broker import Vhost
from tests.live.processes import Process, Processes, eventually

pytestmark = pytest.mark.every_broker

io_wait = app.tasks["gallery.io_wait"]
cpu_wait = app.tasks["gallery.cpu_wait"]

#: Runs a relay with one of its methods replaced, and so with no trace of a test in its own code.
WRAPPED = """
import os, signal, sys, time
from switchyard.process.main import main
from django.core.management import call_command
import django
django.setup()
from switchyard.relay import relay
{patch}
sys.argv = ["app", "relay"]
main()
"""


@pytest.fixture
def arrived(vhost: Vhost) -> Iterator[Any]:
    """Takes what is in a queue and counts it by task id."""
    counts: dict[str, Counter[str]] = {queue: Counter() for queue in QUEUES}

    def take(queue: str = "io") -> Counter[str]:
        with Connection(vhost.url) as link:
            channel: Any = link.default_channel
            while message := channel.basic_get(queue, no_ack=True):
                counts[queue][message.headers["id"]] += 1
        return counts[queue]

    return take


def keep(task: Any, count: int) -> set[str]:
    with transaction.atomic():
        return {task.delay_on_commit(str(number)) for number in range(count)}


def waiting(**filters: Any) -> int:
    return Message.objects.filter(quarantined_at__isnull=True, **filters).count()


def wrapped(yard: Processes, patch: str) -> Process:
    return yard.start_command([sys.executable, "-c", WRAPPED.format(patch=patch)])


def ended_well(relay: Process) -> bool:
    relay.signal(signal.SIGTERM)
    return relay.wait() == 0


def put_policy(vhost: Vhost, name: str, definition: dict[str, Any] | None) -> None:
    """A policy above the declared ones; None takes it away."""
    with httpx.Client(base_url=vhost.management_url, timeout=30) as management:
        path = f"/api/policies/{vhost.name}/{name}"
        if definition is None:
            management.delete(path).raise_for_status()
            return
        body = {"pattern": "^io$", "definition": definition, "priority": 99, "apply-to": "queues"}
        management.put(path, json=body).raise_for_status()


def test_a_broker_that_is_away_costs_nothing_but_time(yard: Processes, broker: Broker, arrived: Any) -> None:
    relay = yard.relay()
    # 3.10 writes the name of a new queue down half a second late; killed before, it stays without a leader.
    broker.ctl("eval", "[dets:sync(Table) || Table <- dets:all()].")
    broker.kill()
    try:
        ids = keep(io_wait, 300) | keep(cpu_wait, 10)
        eventually(lambda: relay.events("broker_away"))
        before = relay.heartbeat.stat().st_mtime_ns
        eventually(lambda: relay.heartbeat.stat().st_mtime_ns > before, what="a beat without a broker")
        assert waiting() == 310
    finally:
        broker.start()
    eventually(lambda: not Message.objects.exists())
    assert arrived("io") + arrived("cpu") == Counter(ids)
    assert len(relay.events("broker_away")) == len(relay.events("relaying_again")) == 1
    assert ended_well(relay)


def test_a_relay_may_start_before_the_broker(yard: Processes, vhost: Vhost, arrived: Any) -> None:
    away = yard.relay(env={"BROKER_URL": "pyamqp://guest:guest@127.0.0.1:1//"})
    ids = keep(io_wait, 3)
    eventually(lambda: away.events("broker_away"))
    assert waiting() == 3
    assert ended_well(away)
    yard.relay()
    eventually(lambda: not Message.objects.exists())
    assert arrived() == Counter(ids)


def test_a_password_that_is_wrong_is_said_once_and_tried_less_and_less(
    transactional_db: None, vhost: Vhost, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was six log-ins a second, and 150 kB of log a minute."""
    relay = Relay(RelayMetrics())
    connect, tried = relay._publisher.connect, []

    def counted() -> Any:
        tried.append(time.monotonic())
        return connect()

    def turn() -> int:
        relay.turn()
        relay._wake.wait(relay._pause_seconds())
        return len(tried)

    monkeypatch.setattr(relay._publisher, "connect", counted)
    parts = urlsplit(vhost.url)
    settings.CELERY_BROKER_URL = vhost.url.replace(f":{parts.password}@", ":not-the-password@")
    with capture_logs() as lines:
        eventually(lambda: turn() >= 5)
        gaps = [later - earlier for earlier, later in pairwise(tried)]
        settings.CELERY_BROKER_URL = vhost.url
        eventually(lambda: turn() and len(lines) > 1)
    relay._publisher.close()
    relay._wake.close()
    assert gaps[-1] > 2 * gaps[0]
    assert [line["event"] for line in lines] == ["broker_away", "relaying_again"]
    assert "BROKER_URL" in lines[0]["reason"]
    assert "not-the-password" not in str(lines)


def test_what_no_queue_wants_is_quarantined_and_its_neighbours_pass(yard: Processes, arrived: Any) -> None:
    ids = keep(io_wait, 20)
    lost = keep(io_wait, 1).pop()
    Message.objects.filter(task_id=lost).update(queue="gone")
    more = keep(io_wait, 20)
    relay = yard.relay()
    eventually(lambda: not waiting())
    assert arrived() == Counter(ids | more)
    message = Message.objects.get()
    assert message.task_id == lost
    assert message.quarantined_at is not None
    assert "unroutable" in message.reason
    assert "NO_ROUTE" in message.reason
    assert [line["task_id"] for line in relay.events("quarantined")] == [lost]


def test_a_queue_that_was_deleted_keeps_its_messages_until_it_is_there_again(
    yard: Processes, vhost: Vhost, arrived: Any
) -> None:
    with httpx.Client(base_url=vhost.management_url, timeout=30) as management:
        management.delete(f"/api/queues/{vhost.name}/io").raise_for_status()
    ids, others = keep(io_wait, 1000), keep(cpu_wait, 20)
    relay = yard.relay()
    eventually(lambda: not waiting(queue="cpu"))
    [line] = eventually(lambda: relay.events("topology_missing"))
    assert "NO_ROUTE" in line["reason"]
    assert arrived("cpu") == Counter(others)
    assert waiting(queue="io") == 1000
    assert yard.run("topology", "apply").returncode == 0
    eventually(lambda: not Message.objects.exists())
    assert arrived("io") == Counter(ids)


def test_what_is_too_large_for_the_broker_is_quarantined_and_its_neighbours_pass(
    yard: Processes, broker: Broker, arrived: Any
) -> None:
    before = broker.ctl("eval", "element(2, application:get_env(rabbit, max_message_size)).").strip()
    limit_messages(broker, "100000")
    try:
        first = keep(io_wait, 20)
        large = {io_wait.delay_on_commit("x" * 150_000) for _ in range(2)}
        last = keep(io_wait, 20)
        yard.relay()
        eventually(lambda: not waiting())
    finally:
        limit_messages(broker, before)
    assert set(arrived()) == first | last
    # At most what was on its way when the channel was closed, by each of the two.
    assert max(arrived().values()) <= 3
    assert set(Message.objects.values_list("task_id", flat=True)) == large
    assert all("larger than" in reason for reason in Message.objects.values_list("reason", flat=True))


def limit_messages(broker: Broker, size: str) -> None:
    """The largest that a channel takes, in bytes: 3.10 looks it up, 4.3 as a persistent term made of that."""
    broker.ctl("eval", f"application:set_env(rabbit, max_message_size, {size}).")
    broker.ctl("eval", f"persistent_term:put(max_message_size, {size}).")


def test_a_row_that_cannot_be_read_is_quarantined_and_its_neighbours_pass(
    yard: Processes, arrived: Any
) -> None:
    ids = keep(io_wait, 5)
    broken = [keep(io_wait, 1).pop() for _ in range(4)]
    for task_id, headers in zip(
        broken,
        ["{", "[]", '{"expires": "soon"}', '{"huge": 1e999, "n": 99999999999999999999999}'],
        strict=True,
    ):
        Message.objects.filter(task_id=task_id).update(headers=headers)
    more = keep(io_wait, 5)
    yard.relay()
    eventually(lambda: not waiting())
    assert set(arrived()) == ids | more
    assert set(Message.objects.values_list("task_id", flat=True)) == set(broken)


def test_headers_too_deep_for_amqp_are_quarantined_and_end_no_relay(yard: Processes, arrived: Any) -> None:
    """A row of a release that did not look: py-amqp's writer goes as deep as they do."""
    ids = keep(io_wait, 5)
    nested: Any = 1
    for _ in range(700):
        nested = [nested]
    with pytest.raises(TaskCallError, match="note"):
        io_wait.apply_async_on_commit(("a",), headers={"note": nested})
    deep = io_wait.delay_on_commit("a")
    row = Message.objects.get(task_id=deep)
    headers = json.dumps(json.loads(row.headers) | {"note": nested})
    Message.objects.filter(pk=row.pk).update(headers=headers)
    more = keep(io_wait, 5)
    relay = yard.relay()
    eventually(lambda: not waiting())
    assert set(arrived()) == ids | more
    message = Message.objects.get()
    assert message.task_id == deep
    assert "RecursionError" in message.reason
    assert ended_well(relay)


def test_a_full_queue_keeps_its_messages_in_the_outbox_and_holds_up_no_other(
    yard: Processes, vhost: Vhost, arrived: Any
) -> None:
    put_policy(vhost, "tiny", {"max-length": 5, "overflow": "reject-publish"})
    io_ids = keep(io_wait, 500)
    relay = yard.relay()
    eventually(lambda: relay.events("queue_full"))
    cpu_ids = keep(cpu_wait, 50)
    eventually(lambda: not waiting(queue="cpu"))
    assert arrived("cpu") == Counter(cpu_ids)
    assert waiting(queue="io") > 0
    put_policy(vhost, "tiny", None)
    eventually(lambda: not Message.objects.exists())
    assert arrived("io") == Counter(io_ids)
    assert not relay.events("quarantined")
    assert len(relay.events("queue_full")) <= 3


def test_a_missing_exchange_is_nobodys_fault_and_is_said(processes: Processes, vhost: Vhost) -> None:
    keep(io_wait, 3)
    relay = processes.relay()
    [line] = eventually(lambda: relay.events("topology_missing"))
    assert "no exchange 'tasks'" in line["reason"]
    assert "python -m app topology apply" in line["reason"]
    assert waiting() == 3
    assert processes.run("topology", "apply").returncode == 0
    eventually(lambda: not Message.objects.exists())


def test_a_memory_alarm_holds_messages_back_and_repeats_none(
    yard: Processes, broker: Broker, arrived: Any
) -> None:
    relay = yard.relay()
    first = keep(io_wait, 1)
    eventually(lambda: not Message.objects.exists())
    broker.ctl("set_vm_memory_high_watermark", "absolute", "1")
    try:
        ids = first | keep(io_wait, 300)
        eventually(lambda: relay.events("broker_blocked"))
        over = time.monotonic() + 1.5 * CONFIRM_SECONDS
        eventually(lambda: time.monotonic() > over, what="longer than a confirm is waited for")
        before = relay.heartbeat.stat().st_mtime_ns
        eventually(lambda: relay.heartbeat.stat().st_mtime_ns > before, what="a beat while blocked")
        assert waiting() >= 300 - BATCH_ROWS
    finally:
        broker.ctl("set_vm_memory_high_watermark", "0.4")
    eventually(lambda: not Message.objects.exists())
    assert arrived() == Counter(ids)
    assert not relay.events("broker_away")


def test_a_broker_that_hangs_is_left_and_its_late_confirms_count_for_nothing(
    yard: Processes, broker: Broker, arrived: Any
) -> None:
    relay = yard.relay()
    keep(io_wait, 1)
    eventually(lambda: not Message.objects.exists())
    pid = int(broker.ctl("eval", "list_to_integer(os:getpid()).").strip())
    os.kill(pid, signal.SIGSTOP)
    try:
        ids = keep(io_wait, 50)
        eventually(lambda: relay.events("broker_away"))
        assert waiting() == 50
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: not Message.objects.exists())
    eventually(lambda: ids <= set(arrived()))


def test_two_relays_share_the_outbox_and_publish_each_row_once(yard: Processes, arrived: Any) -> None:
    ids = keep(io_wait, 3000) | keep(cpu_wait, 1000)
    relays = [yard.start("relay") for _ in range(2)]
    eventually(lambda: not Message.objects.exists())
    assert arrived("io") + arrived("cpu") == Counter(ids)
    sent = [{line["task_id"] for line in relay.events("task_sent")} for relay in relays]
    assert all(sent), "one relay did all of it"
    assert sent[0] | sent[1] == ids
    assert not sent[0] & sent[1]


def test_a_relay_that_is_killed_between_publish_and_delete_repeats_one_batch_and_loses_nothing(
    yard: Processes, arrived: Any
) -> None:
    ids = keep(io_wait, 3 * BATCH_ROWS)
    dying = wrapped(
        yard,
        "def die(self, keys):\n"
        "    if len(keys) > 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return delete(self, keys)\n"
        "delete, relay.Relay.delete = relay.Relay.delete, die\n",
    )
    assert dying.wait() == -signal.SIGKILL
    # The first row, alone on a new connection, has gone; the batch behind it was published and is still here.
    assert waiting() == 3 * BATCH_ROWS - 1
    yard.relay()
    eventually(lambda: not Message.objects.exists())
    assert set(arrived()) == ids
    assert sum(arrived().values()) == len(ids) + BATCH_ROWS


def test_a_relay_that_is_killed_before_it_publishes_loses_and_repeats_nothing(
    yard: Processes, arrived: Any
) -> None:
    ids = keep(io_wait, 50)
    dying = wrapped(yard, "relay.Relay.publish = lambda self, messages: os.kill(os.getpid(), signal.SIGKILL)")
    assert dying.wait() == -signal.SIGKILL
    yard.relay()
    eventually(lambda: not Message.objects.exists())
    assert arrived() == Counter(ids)


def test_sigterm_finishes_the_batch_in_hand_and_exits_with_0(yard: Processes, arrived: Any) -> None:
    ids = keep(io_wait, 3 * BATCH_ROWS)
    slow = wrapped(
        yard,
        "def publish(self, messages):\n"
        "    outcome = before(self, messages)\n"
        "    if len(messages) > 1:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        time.sleep(1)\n"
        "    return outcome\n"
        "before, relay.Relay.publish = relay.Relay.publish, publish\n",
    )
    assert slow.wait() == 0
    assert waiting() == 2 * BATCH_ROWS - 1
    yard.relay()
    eventually(lambda: not Message.objects.exists())
    assert arrived() == Counter(ids)


def of_others(what: str) -> int:
    """Counts it over the other clients' sessions in the test's database."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count({what}) FROM pg_stat_activity WHERE datname = current_database()"  # noqa: S608
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def test_a_database_that_ends_our_sessions_is_come_back_to(yard: Processes, arrived: Any) -> None:
    relay = yard.relay()
    # Before it listens it opens others, to see whether there is a pooler.
    eventually(lambda: of_others("nullif(query LIKE 'LISTEN%', false)") == 1, what="the session that listens")
    assert of_others("pg_terminate_backend(pid)") >= 2
    ids = keep(io_wait, 30)
    eventually(lambda: not Message.objects.exists())
    assert arrived() == Counter(ids)
    assert relay.popen.poll() is None


def test_a_frozen_relay_loses_its_rows_to_another(yard: Processes, arrived: Any) -> None:
    ids = keep(io_wait, 100)
    frozen = wrapped(
        yard,
        "relay.LOCK_SECONDS = 2\n"
        "relay.Relay.publish = lambda self, messages: os.kill(os.getpid(), signal.SIGSTOP)\n",
    )
    state = Path(f"/proc/{frozen.popen.pid}/stat")
    eventually(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
    yard.relay()
    eventually(lambda: not Message.objects.exists(), within=30)
    assert arrived() == Counter(ids)


def test_the_metrics_say_what_waits_and_what_was_done(yard: Processes) -> None:
    [port] = free_ports(1)
    keep(io_wait, 7)
    lost = keep(cpu_wait, 1).pop()
    Message.objects.filter(task_id=lost).update(queue="gone")

    def scraped() -> dict[tuple[str, str], float]:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False).text
        return {
            (sample.name, sample.labels.get("queue", "")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    away = yard.relay(env={"RELAY_PORT": str(port), "BROKER_URL": "pyamqp://guest:guest@127.0.0.1:1//"})
    found = scraped()
    assert found["switchyard_outbox_up", ""] == 1
    assert found["switchyard_outbox_waiting", "io"] == 7
    assert found["switchyard_outbox_waiting", "other"] == 1
    assert found["switchyard_outbox_oldest_seconds", "io"] > 0
    assert found["switchyard_relay_published_total", "io"] == 0
    assert ended_well(away)
    yard.relay(env={"RELAY_PORT": str(port)})
    eventually(lambda: not waiting())
    found = eventually(lambda: (now := scraped())["switchyard_relay_quarantined_total", "other"] and now)
    assert found["switchyard_relay_published_total", "io"] == 7
    assert found["switchyard_relay_confirm_seconds_count", ""] == 7
    assert found["switchyard_relay_returned_total", "other"] == 1
    assert found["switchyard_outbox_waiting", "io"] == found["switchyard_outbox_oldest_seconds", "io"] == 0
    assert found["switchyard_outbox_quarantined", ""] == 1
    assert httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False).json() == {"alive": True}


def test_a_port_that_is_taken_is_named(yard: Processes) -> None:
    [port] = free_ports(1)
    yard.relay(env={"RELAY_PORT": str(port)})
    second = yard.run("relay", env={"RELAY_PORT": str(port)})
    assert second.returncode == 1
    assert "Set RELAY_PORT" in second.stderr


def test_status_requeue_and_discard_say_what_they_did(yard: Processes, vhost: Vhost) -> None:
    keep(io_wait, 2)
    keep(cpu_wait, 3)
    Message.objects.update(quarantined_at="2026-01-01T00:00:00Z", reason="unroutable: NO_ROUTE")
    keep(io_wait, 4)
    status = yard.run("outbox", "status", "--json")
    assert status.returncode == 1
    said = json.loads(status.stdout)
    assert [(each["queue"], each["waiting"]) for each in said["waiting"]] == [("io", 4)]
    assert (said["quarantined"], len(said["messages"])) == (5, 5)
    dry = yard.run("outbox", "discard", "--task=cpu_wait", "--limit=2")
    assert (dry.returncode, Message.objects.count()) == (0, 9)
    assert "2 messages would be discarded. Say --yes" in dry.stdout
    done = yard.run("outbox", "discard", "--task=cpu_wait", "--limit=2", "--yes", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"discarded": 2})
    assert "3 messages requeued." in yard.run("outbox", "requeue").stdout
    assert waiting() == 7
    assert yard.run("outbox", "status").returncode == 0
    assert yard.run("outbox", "requeue", "--id=1").returncode == 1
    assert yard.run("outbox", "requeue", "--limit=0").returncode == 2
    assert yard.run("outbox", "status", env={"DATABASE_URL": "postgres://u@127.0.0.1:1/n"}).returncode == 3
