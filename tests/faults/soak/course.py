"""The course of a soak: calm, faults, calm again, and the closing of the books."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection  # noqa: E402
from django_celery_beat.models import IntervalSchedule, PeriodicTask  # noqa: E402

from deploy.local.ports import LOOPBACK  # noqa: E402
from deploy.local.postgres import Postgres  # noqa: E402
from deploy.local.rabbitmq import Broker  # noqa: E402
from switchyard.outbox.models import Message  # noqa: E402
from switchyard.schedule.models import Tick  # noqa: E402
from tests.database_clock import DatabaseClock  # noqa: E402
from tests.faults.checker import Fault, verdict  # noqa: E402
from tests.faults.ledger.models import Effect, Execution, Promise  # noqa: E402
from tests.faults.proxy import Proxy  # noqa: E402
from tests.faults.soak.broker import REMOVED  # noqa: E402
from tests.faults.soak.injuries import INJURIES  # noqa: E402
from tests.faults.soak.load import LATER, Load  # noqa: E402
from tests.faults.soak.roles import ROOT, Roles  # noqa: E402
from tests.faults.soak.scene import Injury, Scene  # noqa: E402
from tests.faults.ticks import promise_ticks  # noqa: E402
from tests.live.processes import eventually  # noqa: E402

#: At the end everything is given this long to be finished.
SETTLE_SECONDS = 300
SAY_SECONDS = 15
#: Roles that reach the broker through a proxy of their own.
PROXIED = tuple(f"{name} {copy}" for name in ("relay", "io", "cpu") for copy in ("a", "b"))
TICKS = ("second", 1), ("five", 5)


def run(
    home: Path, servers: tuple[Broker, Postgres], port: int, options: argparse.Namespace, stack: ExitStack
) -> dict[str, Any]:
    began, (broker, postgres) = time.time(), servers
    _prepare(postgres)
    port_of_broker = urlsplit(broker.url).port or 5672
    proxies = {name: stack.enter_context(Proxy(port_of_broker)) for name in PROXIED}
    roles = _roles(home, broker, proxies)
    stack.callback(roles.end)
    roles.start()
    load = Load(f"http://{LOOPBACK}:{port}", options.rate, options.seed)
    eventually(_ticked, what="the first tick")
    scene = Scene(roles, broker, postgres, postgres.url, proxies, "/", Random(options.seed))
    course = Course(scene, load, options)
    load.start()
    course.calm()
    course.faults_for(options.minutes * 60)
    load.stop()
    replayed = course.settle()
    return course.report(began, replayed)


class Course:
    def __init__(self, scene: Scene, load: Load, options: argparse.Namespace) -> None:
        self.scene = scene
        self.load = load
        self.options = options
        self.faults: list[Fault] = []
        self.kills: Counter[str] = Counter()
        self._said = 0.0
        self.chaos_began = 0.0
        self._injuries = [each for each in INJURIES if each.name.startswith(tuple(options.kinds))]
        self._not_yet = scene.random.sample(self._injuries, len(self._injuries))

    def calm(self) -> None:
        """The same load without faults, to compare with."""
        until = time.time() + max(30.0, self.options.minutes * 60 * 0.05)
        while time.time() < until:
            self._say("calm")
            time.sleep(1)
        self.chaos_began = time.time()

    def faults_for(self, seconds: float) -> None:
        until = time.time() + seconds
        while time.time() < until:
            wait = time.time() + self.scene.random.uniform(0.5, 1.5) * self.options.every
            self._harm(self._draw())
            while time.time() < min(wait, until):
                self._say("faults")
                time.sleep(0.5)

    def settle(self) -> int:
        """Wait for everything that was accepted; returns how many dead letters had to be replayed."""
        ends = time.time() + SETTLE_SECONDS
        replayed = 0
        self.scene.roles.retire("beat")
        while time.time() < ends:
            self._say("settling")
            with suppress(DatabaseError):
                if not _missing():
                    break
                replayed += self._replay()
            time.sleep(2)
        return replayed

    def report(self, began: float, replayed: int) -> dict[str, Any]:
        found = verdict(self.faults)
        unkept = self.load.accepted - set(Promise.objects.values_list("key", flat=True))
        kinds = Counter(fault.kind for fault in self.faults)
        return {
            "seed": self.options.seed,
            "minutes": round((time.time() - began) / 60, 1),
            "promises_per_second": self.options.rate,
            "machine": {"cores": os.cpu_count(), "system": platform.platform()},
            "versions": _versions(self.scene.broker),
            "commit": _commit(),
            "requests": {
                "accepted": len(self.load.accepted),
                "refused": self.load.refused,
                "unanswered": self.load.unanswered,
            },
            "promised": found.promised,
            "ticks": Tick.objects.count(),
            "executions": Execution.objects.count(),
            "effects": Effect.objects.count(),
            "faults": len(self.faults),
            "fault_kinds": len(kinds),
            "faults_by_kind": dict(kinds.most_common()),
            "kills": self.kills.total(),
            "kills_by_kind": dict(self.kills.most_common()),
            "restarts": self.scene.roles.restarts(),
            "seconds_from_promise_to_effect": {
                "without_faults": _latency(0, self.chaos_began),
                "with_faults": _latency(self.chaos_began, time.time()),
            },
            "dead_letters_replayed": replayed,
            "quarantined": Message.objects.exclude(quarantined_at=None).count(),
            "verdict": {
                "good": found.good and not unkept,
                "lost": len(found.lost),
                "accepted_but_not_kept": len(unkept),
                "phantom": len(found.phantom),
                "repeated_effects": len(found.repeated_effects),
                "repeated_runs": len(found.repeated_runs),
                "unexplained_runs": len(found.unexplained_runs),
                "examples": {
                    name: getattr(found, name)[:10]
                    for name in ("lost", "phantom", "repeated_effects", "unexplained_runs")
                },
            },
        }

    def _draw(self) -> Injury:
        """Each kind once, as a short run is to have them all; from then on by their weight."""
        if self._not_yet:
            return self._not_yet.pop()
        return self.scene.random.choices(self._injuries, [each.weight for each in self._injuries])[0]

    def _harm(self, injury: Injury) -> None:
        began = time.time()
        try:
            harmed = injury.harm(self.scene)
        except Exception as error:  # noqa: BLE001 - whatever it is, an hour's run must not end with it
            print(f"{injury.name} could not be done: {error!r}", flush=True)
            harmed = True
        if harmed:
            self.faults.append(Fault(injury.name, began, time.time()))
            if injury.kills:
                self.kills[injury.kills] += 1

    def _replay(self) -> int:
        """What was given up on (five kills of one task) is sent again, as an operator would."""
        done = subprocess.run(
            [sys.executable, "-m", "app", "deadletters", "replay", "--yes", "--json"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        with suppress(json.JSONDecodeError, KeyError):
            return int(json.loads(done.stdout)["count"])
        return 0

    def _say(self, what: str) -> None:
        if time.time() < self._said + SAY_SECONDS:
            return
        self._said = time.time()
        with suppress(DatabaseError):
            print(
                f"{time.strftime('%H:%M:%S')} {what}: {Promise.objects.count()} promised, "
                f"{Effect.objects.count()} done, {Message.objects.count()} in the outbox, "
                f"{len(self.faults)} faults, {self.kills.total()} kills, {self.load.unanswered} unanswered",
                flush=True,
            )
            return
        connection.close()


def _prepare(postgres: Postgres) -> None:
    # Before the tables, whose own defaults ask for the time as well.
    with psycopg.connect(postgres.url, autocommit=True) as link:
        DatabaseClock(link).install()
    call_command("migrate", run_syncdb=True, verbosity=0)
    promise_ticks()
    call_command("switchyard", "topology", "apply", verbosity=0)
    for name, seconds in TICKS:
        interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
        PeriodicTask.objects.create(
            name=name, task="ledger.io_tick", args=json.dumps([name]), interval=interval
        )


def _roles(home: Path, broker: Broker, proxies: dict[str, Proxy]) -> Roles:
    roles = Roles(home, dict(os.environ))

    def by(name: str) -> dict[str, str]:
        parts = urlsplit(broker.url)
        netloc = f"{parts.username}:{parts.password}@{LOOPBACK}:{proxies[name].port}"
        return {"BROKER_URL": urlunsplit(parts._replace(netloc=netloc))}

    roles.add("web", "web")
    for copy in ("a", "b"):
        roles.add(f"relay {copy}", "relay", env=by(f"relay {copy}"))
        roles.add(f"beat {copy}", "beat")
        roles.add(
            f"io {copy}",
            "worker",
            "io",
            "--concurrency=20",
            f"--name=io-{copy}-{{life}}",
            "--loglevel=WARNING",
            env=by(f"io {copy}"),
        )
        roles.add(
            f"cpu {copy}",
            "worker",
            "cpu",
            "--concurrency=2",
            f"--name=cpu-{copy}-{{life}}",
            "--loglevel=WARNING",
            env=by(f"cpu {copy}"),
        )
    return roles


def _missing() -> set[str]:
    promised = set(Promise.objects.values_list("key", flat=True))
    return promised - set(Effect.objects.values_list("key", flat=True))


def _latency(begin: float, end: float) -> dict[str, float]:
    """Of what was asked for at once, seconds."""
    asked = Promise.objects.filter(at__gte=begin, at__lt=end).exclude(key__startswith=LATER)
    promised = dict(asked.exclude(key__startswith=REMOVED).values_list("key", "at"))
    took = [at - promised[key] for key, at in Effect.objects.values_list("key", "at") if key in promised]
    if len(took) < 100:
        return {}
    cuts = quantiles(took, n=100)
    return {
        "p50": round(cuts[49], 3),
        "p95": round(cuts[94], 3),
        "p99": round(cuts[98], 3),
        "longest": round(max(took), 1),
    }


def _versions(broker: Broker) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (postgres,) = cursor.fetchone()
    packages = ("celery", "kombu", "amqp", "django", "django-celery-beat", "psycopg")
    return {
        "rabbitmq": broker.version,
        "postgresql": postgres,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _commit() -> str:
    found = subprocess.run(
        [shutil.which("git") or "git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()


def _ticked() -> bool:
    with suppress(DatabaseError):
        return Tick.objects.exists()
    return False
