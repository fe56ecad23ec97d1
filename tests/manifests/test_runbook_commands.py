"""Every command of every runbook is run where it is read, in the state that its alert is for.

One toolbox, as the overlay `local` renders it, on a real broker and database. What `kubectl` is asked is
looked up in what the overlays render.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from kombu import Connection

from app.celery import app
from deploy.cluster.engine import ROOT
from switchyard.alerts.declared import BY_NAME
from switchyard.identity.models import DatabaseIdentity
from switchyard.installation import BEAT, lock
from switchyard.outbox.models import Message
from switchyard.pooler import connected
from tests.malformed import valid
from tests.manifests.folders import OVERLAYS
from tests.manifests.rendered import Document, documents, of_kind, pod
from tests.manifests.toolbox import Toolbox
from tests.polling import eventually

RUNBOOKS = ROOT / "deploy" / "runbooks"
FILES = sorted(file for file in RUNBOOKS.glob("*.md") if file.stem != "README")
RENDERED = {folder.name: documents(folder) for folder in OVERLAYS}
STAND = "**Stand here:** `make on-call` beside `make up`, `make on-call OVERLAY=production` for a cluster"
#: Begun in a runbook to stay: they are looked at in other tests.
STAYING = ("worker", "exporter", "beat", "relay", "web")


def fenced(text: str) -> Iterator[tuple[str, str]]:
    """Each command of the blocks, and its comment."""
    for block in text.split("```")[1::2]:
        for line in filter(None, block.splitlines()):
            command, _, comment = line.partition(" #")
            yield command.strip(), comment.strip()


def in_sentences(text: str) -> Iterator[str]:
    spans = re.findall(r"`([^`\n]+(?:\n[^`]+)?)`", "".join(text.split("```")[::2]))
    yield from (" ".join(span.split()) for span in spans)


def codes(comment: str) -> set[int]:
    """With which it may end by its comment: that, or 0 where the comment names a case."""
    named = {int(code) for code in re.findall(r"exit (\d)", comment)}
    return named | {0} if not named or re.search(r"exit \d:", comment) or "(exit" in comment else named


# What each alert is for. A block is entered before its runbook's commands are run, and left as it was found.


@contextmanager
def dead_letter(yard: "Yard") -> Iterator[None]:
    """One that is as old as DeadLettersOld wants, too."""
    yard.channel.basic_publish(valid("gallery.io_wait", "dead-1").message("m"), "", "io.dead")
    eventually(lambda: yard.channel.queue_declare("io.dead", passive=True).message_count == 1, within=60)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO switchyard_dead_letters_since VALUES ('io', now() - interval '2 days')")
    yield
    yard.channel.queue_purge("io.dead")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM switchyard_dead_letters_since")


@contextmanager
def drift(yard: "Yard") -> Iterator[None]:
    yard.channel.queue_delete("cpu.dead")
    yield
    assert yard.toolbox.run("topology", "apply")[0] == 0


@contextmanager
def quarantined(yard: "Yard") -> Iterator[None]:
    row = waiting_row(quarantined_at=timezone.now(), reason="too large")
    yield
    row.delete()


@contextmanager
def undrained(yard: "Yard") -> Iterator[None]:
    row = waiting_row()
    Message.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    yield
    row.delete()


def waiting_row(**fields: Any) -> Message:
    return Message.objects.create(
        task_id="w-1", task="gallery.io_wait", queue="io", headers={}, properties={}, body="[]", **fields
    )


@contextmanager
def foreign(yard: "Yard") -> Iterator[None]:
    row = DatabaseIdentity.objects.create(environment="", broker="elsewhere/prod", written_by="t")
    yield
    row.delete()


@contextmanager
def long_transaction(yard: "Yard") -> Iterator[None]:
    """Older than the alert wants cannot be made here in time: the list has to show it."""
    with connected(application_name="somebody's psql") as link, link.transaction():
        link.execute("SELECT 1")
        assert "somebody's psql" in yard.toolbox.run("database", "sessions")[1]
        yield


@contextmanager
def two_beats(yard: "Yard") -> Iterator[None]:
    """In shared mode two can: what a lock that does not work looks like."""
    with connected() as one, connected() as other:
        for link in (one, other):
            link.execute("SELECT pg_advisory_lock_shared(%s, %s)", lock(BEAT))
        yield


def away(**addresses: str) -> Callable[["Yard"], AbstractContextManager[None]]:
    """In a toolbox whose servers are elsewhere, where nobody is."""

    @contextmanager
    def elsewhere(yard: "Yard") -> Iterator[None]:
        here = yard.toolbox
        with here.with_variables(**addresses) as yard.toolbox:
            yield
        yard.toolbox = here

    return elsewhere


STATES: dict[str, Callable[["Yard"], AbstractContextManager[Any]]] = {
    "BrokerUnreadable": away(
        BROKER_URL="pyamqp://a:b@127.0.0.1:1/v", BROKER_MANAGEMENT_URL="http://a:b@127.0.0.1:1"
    ),
    "DatabaseUnreadable": away(DATABASE_URL="postgres://a:b@127.0.0.1:1/a"),
    "DeadLettersNew": dead_letter,
    "DeadLettersOld": dead_letter,
    "DatabaseForeign": foreign,
    "DatabaseTransactionLong": long_transaction,
    "OutboxNotDraining": undrained,
    "OutboxQuarantine": quarantined,
    "TopologyDrift": drift,
    "TwoBeats": two_beats,
}
#: In which its alert holds by a look of our own, at once.
HOLDING = {*STATES, "BeatSilent"} - {"DatabaseTransactionLong", "DeadLettersNew"}


class Yard:
    def __init__(self, toolbox: Toolbox, channel: Any) -> None:
        self.toolbox = toolbox
        self.channel = channel


@pytest.fixture
def toolbox(users, vhost, environment, tmp_path: Path) -> Iterator[Toolbox]:
    with Toolbox(RENDERED["local"], tmp_path, users, vhost, environment) as toolbox:
        yield toolbox


@pytest.fixture
def yard(toolbox: Toolbox, vhost) -> Iterator[Yard]:
    assert toolbox.run("topology", "apply")[0] == 0
    with Connection(vhost.url, transport_options=app.conf.broker_transport_options) as link:
        yield Yard(toolbox, link.default_channel)


def filled(command: str, seen: str) -> list[str]:
    """With the alert's labels, and with what the command before it has listed."""
    pid = re.search(r"^ *(\d+)  ", seen, re.MULTILINE)
    # Sorted by length, so that QUEUE is not read as a part of another.
    for word, value in (("QUEUE", "io"), ("TASK", "gallery.io_wait"), ("PID", pid[1] if pid else "1")):
        command = re.sub(rf"\b{word}\b", value, command)
    return shlex.split(re.sub(r"\bID\b", "dead-1", command.removeprefix("python -m app ")))


def test_every_command_runs_in_the_toolbox_and_ends_as_its_runbook_says(yard: Yard, subtests) -> None:
    ran = []
    for file in FILES:
        with subtests.test(file.stem), STATES.get(file.stem, lambda _: nullcontext())(yard):
            seen = ""
            for command, comment in fenced(file.read_text()):
                if not command.startswith("python -m app "):
                    continue
                code, seen = yard.toolbox.run(*filled(command, seen))
                ran.append([file.stem, command, code])
                expected = expected_codes(file.stem, command, comment)
                assert code in expected, f"{command}: {code}, not {expected}: {seen}"
    (ROOT / ".local" / "runbook-commands.json").write_text(json.dumps(ran, indent=1))


def expected_codes(alert: str, command: str, comment: str) -> set[int]:
    """Of `explain` exactly what the state makes of it; of the others what the comment says."""
    if "alerts explain" not in command:
        return codes(comment) if alert in STATES or "exit 1" not in comment else {*codes(comment), 0}
    if alert not in BY_NAME:
        return {3}
    return {1} if alert in HOLDING else {0, 1, 3}


def test_every_command_in_a_sentence_is_taken_by_its_verb_and_does_nothing_unasked(
    yard: Yard, subtests
) -> None:
    for file in FILES:
        for command in in_sentences(file.read_text()):
            if not command.startswith("python -m app ") or command.split()[3] in STAYING:
                continue
            with subtests.test(f"{file.stem}: {command}"):
                words = [word for word in filled(command, "") if word != "--yes"]
                code, said = yard.toolbox.run(*words)
                assert code in {0, 1}, said


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_runbook_begins_with_where_to_stand(file: Path) -> None:
    assert file.read_text().splitlines()[2].startswith(STAND)
    assert next(fenced(file.read_text()))[0] == f"python -m app alerts explain {file.stem}"


@pytest.mark.parametrize("overlay", RENDERED)
def test_what_kubectl_is_asked_is_there_in_every_overlay(overlay: str) -> None:
    for file in FILES:
        text = file.read_text()
        for command in [*(line for line, _ in fenced(text)), *in_sentences(text)]:
            if command.startswith("kubectl "):
                for queue in ("io", "cpu"):
                    assert missing(RENDERED[overlay], re.sub(r"\bQUEUE\b", queue, command)) == [], command


def missing(found: list[Document], command: str) -> list[str]:
    """What it names that is not rendered: deployments, and labels of pods."""
    workloads = of_kind(found, "Deployment", "Job", "StatefulSet")
    named = re.findall(r"deployment/([\w-]+)", command)
    lacking = [name for name in named if name not in of_kind(found, "Deployment")]
    for selector in re.findall(r"-l (\S+)", command):
        key, _, value = selector.partition("=")
        if value == "rabbitmq":
            # An operator's pods have the cluster's name for it; of somebody else's broker there are none.
            continue
        pods = [item["spec"]["template"]["metadata"]["labels"] for item in workloads.values()]
        lacking += [] if any(labels.get(key) == value for labels in pods) else [selector]
    return lacking


@pytest.mark.parametrize("overlay", RENDERED)
def test_each_overlay_has_one_place_to_stand_that_costs_nothing_until_somebody_does(overlay: str) -> None:
    toolbox = of_kind(RENDERED[overlay], "Deployment")["toolbox"]
    assert toolbox["spec"]["replicas"] == 0
    [container] = pod(toolbox)["containers"]
    assert container["command"][0] == "sh"
    volumes = {volume["name"]: volume for volume in pod(toolbox)["volumes"]}
    assert volumes["broker"]["secret"]["items"] == [{"key": "toolbox", "path": "url"}]
    assert toolbox["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == "toolbox"
