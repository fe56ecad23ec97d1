"""`make demo`: the whole service with real work in it, until every task is accounted for."""

import os
import shutil
import signal
import time
from pathlib import Path

import httpx

from app.queues import QUEUES
from deploy.local.admin import admin_login
from deploy.local.home import claimed
from deploy.local.journal import Journal
from deploy.local.load import Amounts, Client
from deploy.local.output import LogFiles
from deploy.local.receiver import Deliveries, start_receiver
from deploy.local.roles import Role
from deploy.local.stack import LOCAL, Stack, start_stack
from deploy.local.summary import depths_now, summary
from deploy.local.trial import Trial

#: RabbitMQ counts its messages anew every five seconds.
DEPTH_SECONDS = 8
_SETTINGS = {"LOG_FORMAT": "json", "WEBHOOKS_ALLOW_PRIVATE": "true", "SIGNUPS_PER_HOUR": "1000000"}


def demo(amounts: Amounts, *, keep: bool, read_url: str = "") -> int:
    """Runs the whole service, sends real work through it over HTTP, and prints what came of every task.

    Exits 0 if all of it was done, and 1 with the reason if anything failed, was lost or took too long.
    """
    started = time.monotonic()
    with claimed(LOCAL / "demo") as home:
        _forget(home)
        logs = LogFiles(home / "logs")
        with start_stack(home, logs, _say, **_SETTINGS, BROKER_READ_URL=read_url) as stack:
            journal = Journal(logs.file(role.name) for role in stack.roles)
            problems = _work(stack, journal, amounts, started)
            _print_places(stack, logs.folder, keep=keep)
            if keep:
                signal.pause()
    for problem in problems:
        _say(f"Not all went well: {problem}. The roles' output is in {logs.folder}.")
    return 1 if problems else 0


def _forget(home: Path) -> None:
    """Starts from nothing: the targets of an earlier demo would be delivered to in vain."""
    for name in ("postgres", "rabbitmq", "mail"):
        shutil.rmtree(home / name, ignore_errors=True)


def _work(stack: Stack, journal: Journal, amounts: Amounts, started: float) -> list[str]:
    deliveries = Deliveries()
    with start_receiver(deliveries) as receiver_url, Client(stack.url) as client:
        trial = Trial(stack, journal, client, deliveries, amounts)
        try:
            trial.begin(receiver_url)
            _say(f"First task done {time.monotonic() - started:.0f} s after the start. Sending the rest:")
            trial.run()
        finally:
            if "DATABASE_URL" in os.environ:
                stack.supervisor.run(_forget_targets(receiver_url))
    depths = _settled_depths(stack.metrics_url)
    _say(f"\n{summary(journal.queues, depths, QUEUES)}\n")
    _say(
        f"{len(deliveries.refused)} deliveries were answered with 500 at first, and delivered again.\n"
        f"All of it took {time.monotonic() - started:.0f} s, on {stack.services.broker.name}."
    )
    return trial.problems() + _dead_letters(depths)


def _forget_targets(receiver_url: str) -> Role:
    """A database that stays must not go on telling a receiver that is gone."""
    code = (
        "from app.webhooks.models import Target; "
        f"Target.objects.filter(url__startswith={receiver_url!r}).update(active=False)"
    )
    return Role("forget-targets", ("shell", "--command", code))


def _settled_depths(metrics_url: str) -> dict[str, int]:
    """The depth of each queue, read until all are 0 or the broker must have counted anew."""
    deadline = time.monotonic() + DEPTH_SECONDS
    while True:
        depths = depths_now(httpx.get(metrics_url, timeout=10, trust_env=False).text)
        if not any(depths.values()) or time.monotonic() > deadline:
            return depths
        time.sleep(0.5)


def _dead_letters(depths: dict[str, int]) -> list[str]:
    dead = {spec.dead_letter_queue: depths.get(spec.dead_letter_queue, 0) for spec in QUEUES.values()}
    return [f"{count} messages are in {queue}" for queue, count in dead.items() if count]


def _print_places(stack: Stack, logs: Path, *, keep: bool) -> None:
    _say(
        "To open, until Ctrl-C:"
        if keep
        else "To open while it runs (`make up` and `make demo ARGS=--keep` stay):"
    )
    login = [("admin login", admin_login(stack))] if keep else []
    for name, place in [*stack.places(), *login, ("its logs", str(logs))]:
        _say(f"{name:>14}  {place}")


def _say(line: str) -> None:
    print(line, flush=True)
