"""A broker that is killed, full, blocked, silent or changed behind our back: F5, F8 to F11, F37, F39, F51."""

import signal
import threading
import time
from io import StringIO
from pathlib import Path
from statistics import quantiles
from urllib.parse import quote

import httpx
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from prometheus_client.parser import text_string_to_metric_families

from app.celery import app
from app.queues import IO
from deploy.local.ports import LOOPBACK, free_ports
from switchyard.outbox.models import Message
from switchyard.queues import UNROUTABLE
from tests.faults.ledger.models import Effect, Execution, Promise
from tests.faults.proxy import Proxy
from tests.faults.removed import promise_to_removed
from tests.faults.services import (
    Services,
    all_done,
    keys,
    promise,
    promise_one,
    steady,
    waiting_rows,
)
from tests.faults.stock import stock
from tests.live.processes import Process, eventually

pytestmark = pytest.mark.every_broker

QUICK = {"DJANGO_SETTINGS_MODULE": "tests.faults.quick"}


def test_f5_a_broker_killed_while_the_relay_publishes_loses_nothing(services: Services, tally) -> None:
    """Scale: 3 kills under 200 promises a second; the matrix has 20 kills and 20,000 messages."""
    services.start_relay()
    services.start("worker io")
    back = []
    with steady("ledger.io_work", "mid", 200) as promised:
        for _ in range(3):
            before = len(promised)
            eventually(lambda before=before: len(promised) > before + 300)
            services.kill_broker()
            ready, done = time.monotonic(), Effect.objects.count()
            eventually(lambda done=done: Effect.objects.count() > done)
            back.append(time.monotonic() - ready)
    all_done(promised)
    found = services.verdict()
    tally(
        "F5",
        "ours",
        kills=3,
        tasks=len(promised),
        lost=len(found.lost),
        slowest_back_s=round(max(back), 1),
        repeated_effects=len(found.repeated_effects),
        repeated_runs=len(found.repeated_runs),
    )
    assert found.good, found
    assert max(back) <= 15


def test_f5_control_stock_publishes_vanish_with_the_broker(services: Services, tally) -> None:
    """Without confirms a publish is a write to a socket, and each of these was said to be sent."""

    def publish() -> None:
        services.promise_stock("stock.work", keys("sent", 3000))
        connection.close()

    publisher = threading.Thread(target=publish)
    services.promise_stock("stock.work", ["first"])
    publisher.start()
    for _ in range(2):
        enough = services.waiting("stock") + 300
        eventually(lambda enough=enough: services.waiting("stock") >= enough, what="publishing to go on")
        services.kill_broker()
    publisher.join()
    worker = services.stock_worker("--concurrency=2", "--pool=threads")
    services.promise_stock("stock.work", ["last"])
    all_done(["last"])
    # It ends what it has begun; "last" was behind all others.
    worker.signal(signal.SIGTERM)
    worker.wait(60)
    found = services.verdict()
    tally("F5", "stock", kills=2, tasks=found.promised, lost=len(found.lost))
    assert found.lost


def test_f8_a_connection_that_went_silent_is_noticed_and_replaced(services: Services, tally) -> None:
    """A router forgets every connection: no RST, no FIN. The relay has a confirm timeout of 10 s, the worker
    here a heartbeat of 5 s."""
    with Proxy(services.broker_port) as to_relay, Proxy(services.broker_port) as to_worker:
        relay = services.start_relay(services.through(to_relay))
        services.start("worker io", env=services.through(to_worker) | QUICK)
        promised = promise("ledger.io_work", keys("before", 20))
        all_done(promised)
        with services.fault("half-open"):
            assert to_relay.forget()
            assert to_worker.forget()
            began = time.monotonic()
            promised += promise("ledger.io_work", keys("behind", 20))
            eventually(lambda: relay.events("broker_away"), within=30)
            noticed = time.monotonic() - began
            all_done(promised)
            resumed = time.monotonic() - began
    found = services.verdict()
    tally(
        "F8",
        "ours",
        connections=2,
        lost=len(found.lost),
        relay_noticed_s=round(noticed, 1),
        all_done_s=round(resumed, 1),
    )
    assert found.good, found
    assert noticed <= 10 + 2 + 3
    assert resumed <= 45


@pytest.mark.parametrize(
    ("alarm", "set_it", "clear_it"),
    [
        (
            "memory",
            ["set_vm_memory_high_watermark", "absolute", "1MB"],
            ["set_vm_memory_high_watermark", "0.4"],
        ),
        ("disk", ["set_disk_free_limit", "90000GB"], ["set_disk_free_limit", "50MB"]),
    ],
)
def test_f9_an_alarm_stops_neither_requests_nor_consumers(
    services: Services, tally, alarm: str, set_it: list[str], clear_it: list[str]
) -> None:
    """Scale: 8 s of alarm; the matrix has 5 minutes."""
    services.start_relay()
    promised = promise("ledger.io_work", keys("before", 100))
    eventually(lambda: waiting_rows() == 0)
    usual = _request_seconds("usual", promised)
    eventually(lambda: waiting_rows() == 0)
    with services.fault(f"{alarm} alarm"):
        services.broker.ctl(*set_it)
        try:
            eventually(lambda: services.broker.ctl("eval", "rabbit_alarm:get_alarms().").strip() != "[]")
            blocked = _request_seconds("blocked", promised)
            services.start("worker io")
            all_done(promised[:100])
            time.sleep(4)  # The alarm's own length.
            kept = waiting_rows()
        finally:
            services.broker.ctl(*clear_it)
        all_done(promised)
    found = services.verdict()
    tally(
        "F9",
        f"ours, {alarm}",
        tasks=len(promised),
        kept=kept,
        lost=len(found.lost),
        request_p99_ms=f"{usual * 1000:.0f} -> {blocked * 1000:.0f}",
        quarantined=Message.objects.count(),
    )
    assert kept >= 100
    assert found.good, found
    assert not Message.objects.exists()
    assert blocked <= usual * 3 + 0.05


def test_f10_a_full_queue_keeps_rows_waiting_and_blames_none(services: Services, tally) -> None:
    _policy(services, IO.name, **{"max-length": 20})
    [port] = free_ports(1)
    services.start_relay({"RELAY_PORT": str(port)})
    promised = promise("ledger.io_work", keys("full", 400))
    with services.fault("full queue"):
        first = eventually(lambda: _nacked(port))
        # Each further attempt is one message.
        eventually(lambda: _nacked(port) >= first + 3)
        kept = waiting_rows()
        quarantined = Message.objects.count() - kept
        services.start("worker io --concurrency=4")
        all_done(promised, within=90)
    found = services.verdict()
    tally("F10", "ours", tasks=400, kept=kept, quarantined=quarantined, lost=len(found.lost))
    assert kept > 300
    assert quarantined == 0
    assert not Message.objects.exists()
    assert found.good, found


def test_f11_messages_for_a_deleted_queue_are_kept_and_reported(services: Services, tally) -> None:
    """They wait in the outbox, and hold up nobody else, until the topology is applied again."""
    relay = services.start_relay()
    services.start("worker cpu")
    services.broker.ctl("delete_queue", "--vhost", services.vhost.name, IO.name)
    with services.fault("queue deleted"):
        promised = promise("ledger.io_work", keys("homeless", 1000))
        neighbours = promise("ledger.cpu_work", keys("neighbour", 20))
        all_done(neighbours)
        [report] = eventually(lambda: relay.events("topology_missing"))
        kept = waiting_rows()
        services.apply_topology()
        services.start("worker io")
        all_done(promised)
    found = services.verdict()
    tally("F11", "ours", tasks=1000, kept=kept, reported=report["what"], lost=len(found.lost))
    assert kept == 1000
    assert report["what"] == IO.name
    assert found.good, found


def test_f11_control_stock_messages_for_a_deleted_queue_vanish(services: Services, tally) -> None:
    services.promise_stock("stock.work", ["first"])
    services.broker.ctl("delete_queue", "--vhost", services.vhost.name, "stock")
    for key in keys("vanished", 1000):
        stock.tasks["stock.work"].delay(key)
    Promise.objects.bulk_create(Promise(key=key, at=time.time()) for key in keys("vanished", 1000))
    services.stock_worker("--concurrency=2", "--pool=threads")
    services.promise_stock("stock.work", ["last"])
    all_done(["last"])
    found = services.verdict()
    tally("F11", "stock", tasks=1000, lost=len(found.lost) - 1)
    assert set(keys("vanished", 1000)) <= set(found.lost)


def test_f37_a_countdown_survives_a_broker_kill_and_needs_no_worker_before(services: Services, tally) -> None:
    services.start_relay()
    due = time.time() + 6
    promised = [_promise_later(key, 6) for key in keys("later", 100)]
    eventually(lambda: waiting_rows() == 0)
    services.kill_broker()
    services.start("worker io")
    # Nothing can run before there is a broker and a worker again, which takes a busy machine longer.
    possible = max(due, time.time())
    all_done(promised)
    started = list(Execution.objects.values_list("started", flat=True))
    lateness = [at - possible for at in started]
    found = services.verdict()
    tally(
        "F37",
        "ours",
        kills=1,
        tasks=100,
        lost=len(found.lost),
        p99_late_s=round(quantiles(lateness, n=100)[98], 1),
    )
    assert found.good, found
    assert min(started) >= due - 1
    assert quantiles(lateness, n=100)[98] <= 8


def test_f51_countdowns_to_a_removed_queue_are_kept_and_hold_up_nobody(services: Services, tally) -> None:
    """They are on their way when the broker is killed; other countdowns, and retries, go on."""
    services.start_relay()
    services.start("worker io")
    stranded = promise_to_removed("removed")
    promised = [_promise_later(key, 5) for key in keys("later", 20)]
    promised += promise("ledger.io_retry", keys("again", 20))
    eventually(lambda: waiting_rows() == 0)
    services.kill_broker()
    all_done(promised)
    eventually(lambda: services.waiting(UNROUTABLE) == len(stranded), what="all in one place")
    assert not Effect.objects.filter(key__in=stranded).exists()
    call_command("switchyard", "deadletters", "replay", "--queue=unroutable", "--yes", stdout=StringIO())
    all_done(stranded)
    found = services.verdict()
    tally("F51", "ours", kills=1, stranded=len(stranded), tasks=found.promised, lost=len(found.lost))
    assert found.good, found


def test_f39_a_hundred_reconnects_leak_nothing(services: Services, tally) -> None:
    """Scale: 85 of the relay and 15 of a worker, which takes longer; the matrix has 1,000. Ten warm up."""
    with Proxy(services.broker_port) as to_relay, Proxy(services.broker_port) as to_worker:
        relay = services.start_relay(services.through(to_relay))
        # Few connections to the database, for a pool that grows is no leak.
        few = {"DATABASE_POOL_SIZE": "2"}
        [worker] = services.start("worker io --concurrency=4", env=services.through(to_worker) | few)
        with services.fault("reconnects"), steady("ledger.io_work", "cut", 20) as promised:
            _cut({to_relay: 5, to_worker: 5})
            before = {process.popen.pid: (_fds(process), _rss(process)) for process in (relay, worker)}
            _cut({to_relay: 85, to_worker: 15})
            eventually(lambda: waiting_rows() < 20)
            after = {process.popen.pid: (_fds(process), _rss(process)) for process in (relay, worker)}
        all_done(promised)
    found = services.verdict()
    growth = {
        name: (
            after[p.popen.pid][0] - before[p.popen.pid][0],
            after[p.popen.pid][1] / before[p.popen.pid][1] - 1,
        )
        for name, p in (("relay", relay), ("worker", worker))
    }
    tally(
        "F39",
        "ours",
        reconnects=100,
        tasks=len(promised),
        lost=len(found.lost),
        **{f"{name}_fds": f"{fds:+d}" for name, (fds, _) in growth.items()},
        **{f"{name}_rss": f"{rss:+.0%}" for name, (_, rss) in growth.items()},
    )
    assert found.good, found
    for fds, rss in growth.values():
        assert fds <= 5
        assert rss <= 0.1


def _cut(times: dict[Proxy, int]) -> None:
    """Cut each proxy so often, each time when it is connected again."""
    wanted = {proxy: proxy.cuts + count for proxy, count in times.items()}

    def all_cut() -> bool:
        for proxy, cuts in wanted.items():
            if proxy.connections and proxy.cuts < cuts:
                proxy.cut()
        return all(proxy.cuts >= cuts for proxy, cuts in wanted.items())

    eventually(all_cut, within=120)


def _fds(process: Process) -> int:
    return len(list(Path(f"/proc/{process.popen.pid}/fd").iterdir()))


def _rss(process: Process) -> int:
    """Pages."""
    return int(Path(f"/proc/{process.popen.pid}/statm").read_text().split()[1])


def _request_seconds(prefix: str, promised: list[str]) -> float:
    """Make 100 promises; the 99th percentile of how long one takes."""
    took = []
    for key in keys(prefix, 100):
        began = time.monotonic()
        promised.append(promise_one("ledger.io_work", key))
        took.append(time.monotonic() - began)
    return quantiles(took, n=100)[98]


def _promise_later(key: str, seconds: int) -> str:
    with transaction.atomic():
        Promise.objects.create(key=key, at=time.time())
        app.tasks["ledger.io_work"].apply_async_on_commit((key,), countdown=seconds)
    return key


def _policy(services: Services, queue: str, **changed: int) -> None:
    """Change something in the queue's own policy."""
    name = f"switchyard-{queue}"
    where = f"/api/policies/{quote(services.vhost.name, safe='')}/{name}"
    with httpx.Client(base_url=services.vhost.management_url, timeout=30) as http:
        policy = http.get(where).raise_for_status().json()
        policy["definition"] |= changed
        http.put(where, json=policy).raise_for_status()


def _nacked(port: int) -> float:
    """Messages that the relay at this port has seen refused by a full queue."""
    text = httpx.get(f"http://{LOOPBACK}:{port}/metrics", timeout=10, trust_env=False).text
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return sum(each.value for each in samples if each.name == "switchyard_relay_nacked_total")
