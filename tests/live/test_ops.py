"""The operations pages: what they show is so, what they do is done once, and what is away is a sentence."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client

from app.celery import app
from switchyard.deadletters import jobs
from switchyard.deadletters.models import Action, Copy, Job
from switchyard.ops import timeouts
from switchyard.ops.commands.queues import CLEAR
from switchyard.outbox.models import Message
from switchyard.pooler import connected_for_lock
from switchyard.queues import EXCHANGE
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.broker import Vhost, dead
from tests.live.jobs import copied, work
from tests.live.processes import ROOT as FOLDER
from tests.live.processes import Processes, eventually
from tests.malformed import valid

ROOT = "/admin/switchyard/operations/"
PAGES = [ROOT, f"{ROOT}dead-letters/", f"{ROOT}schedule/", f"{ROOT}outbox/"]


@pytest.fixture(autouse=True)
def busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a page is not about time, it has enough of it."""
    monkeypatch.setattr(timeouts, "PAGE_SECONDS", 60)
    monkeypatch.setattr(timeouts, "LOOK_SECONDS", 30)
    monkeypatch.setattr(timeouts, "ACT_SECONDS", 30)
    monkeypatch.setattr(jobs, "COPY_AGAIN_SECONDS", 0)


def staff(*permissions: str) -> Client:
    """Somebody of the staff with these permissions of operations, logged in; their CSRF is checked."""
    user = User.objects.create_user(f"ada-{'-'.join(permissions)}", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="switchyard", codename__in=permissions)
    )
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def text(response: Any) -> str:
    assert response.status_code == 200, response
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def form_of(response: Any) -> dict[str, str]:
    """The hidden fields of the page's form, as a browser would send them."""
    [form] = re.findall(
        r'<form method="post" class="ops-deed".*?</form>', response.content.decode(), re.DOTALL
    )
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


@pytest.fixture
def ada(transactional_db: None) -> Client:
    return staff("view", "replay", "discard", "payload")


@pytest.mark.usefixtures("yard")
@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_for_staff_who_may_view_it_and_runs_nothing_but_its_own_scripts(address: str) -> None:
    assert Client().get(address).status_code == 302
    assert staff().get(address).status_code == 403
    answer = staff("view").get(address)
    page = text(answer)
    assert "Operations" in page
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", answer.content.decode())


def test_the_queues_are_shown_with_what_waits_and_since_when_it_grows(
    ada: Client, yard: Processes, channel: Any
) -> None:
    sent = 0

    def shows(what: str) -> bool:
        nonlocal sent
        for _ in range(5):
            channel.basic_publish(valid("gallery.io_wait", f"{sent}").message("m"), EXCHANGE, "io")
            sent += 1
        return what in text(ada.get(ROOT))

    eventually(lambda: shows("Nobody works on it"), within=90)
    eventually(lambda: shows("Grown for"), within=90)
    page = ada.get(ROOT)
    section = page.content.decode().split('id="queue-io"')[1].split("</section>")[0]
    [waiting] = re.findall(r'data-number="waiting">([\d,]+)<', section)
    assert 0 < int(waiting.replace(",", "")) <= sent
    assert "<polyline points=" in section
    part = ada.get(ROOT, headers={"X-Live-Part": "1"}).content.decode()
    assert 'id="queue-io"' in part
    assert "<html" not in part


def test_a_broker_that_is_away_is_a_sentence_and_soon(ada: Client, settings: Any, vhost: Vhost) -> None:
    settings.CELERY_BROKER_URL = "pyamqp://user:secret@127.0.0.1:1/"
    settings.SWITCHYARD_BROKER_MANAGEMENT_URL = "http://user:secret@127.0.0.1:1"
    for address in (*PAGES, f"{ROOT}dead-letters/replay/", f"{ROOT}dead-letters/of/some-id/"):
        before = time.monotonic()
        answer = ada.get(address)
        assert time.monotonic() - before < 10
        assert "secret" not in text(answer)
    assert "did not answer" in text(ada.get(ROOT))
    assert "did not answer" in text(ada.get(PAGES[1]))


def test_a_broker_that_is_silent_is_a_sentence_too(
    ada: Client, settings: Any, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    settings.CELERY_BROKER_URL = f"pyamqp://user:secret@127.0.0.1:{silent}/"
    settings.SWITCHYARD_BROKER_MANAGEMENT_URL = f"http://user:secret@127.0.0.1:{silent}"
    for address in PAGES[:2]:
        before = time.monotonic()
        assert "did not answer" in text(ada.get(address))
        assert time.monotonic() - before < 10


def test_nothing_is_green_that_could_not_be_read_and_no_page_hangs_behind_a_lock(
    ada: Client, bury: Callable[..., None], settings: Any, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.tasks["gallery.io_wait"].delay_on_commit("kept")
    bury(valid("gallery.io_wait", "dead"))
    eventually(lambda: "1 dead letters wait for a person" in text(ada.get(ROOT)), within=30)
    assert verdict_of(ada, ROOT) != "good"
    monkeypatch.undo()
    with connected_for_lock() as other, other.transaction():
        other.execute("LOCK TABLE switchyard_outbox IN ACCESS EXCLUSIVE MODE")
        for address in (ROOT, PAGES[3]):
            assert verdict_of(ada, address) == "bad"
        assert "What waits for it in the outbox is not known." in text(ada.get(ROOT))
        assert "What waits is not known." in text(ada.get(PAGES[3]))
        other.execute("LOCK TABLE auth_user IN ACCESS EXCLUSIVE MODE")
        before = time.monotonic()
        assert ada.get(ROOT).status_code == 503
        assert time.monotonic() - before < 10
    settings.SWITCHYARD_BROKER_MANAGEMENT_URL = f"http://user:secret@127.0.0.1:{silent}"
    assert verdict_of(ada, ROOT) == "bad"
    page = text(ada.get(ROOT))
    assert "Not known: the broker could not be read." in page
    assert "In the outbox 1 messages for io" in page


def verdict_of(client: Client, address: str) -> str:
    """The kind of the whole page's; it is there within the time that somebody waits for it."""
    before = time.monotonic()
    found = re.findall(r'class="ops-verdict ops-(\w+)" data-verdict', client.get(address).content.decode())
    assert time.monotonic() - before < 10
    [kind] = found
    return str(kind)


def test_dead_letters_are_listed_by_a_filter_and_what_they_hold_is_for_whoever_may_see_it(
    ada: Client, bury: Callable[..., None]
) -> None:
    letter = valid("gallery.io_wait", "one")
    letter.body = json.dumps([["mine"], {"seconds": 0, "api_token": "hush"}, {"chain": None}]).encode()
    bury(letter, valid("gallery.io_fail", "two"))
    bury(valid("gallery.cpu_wait", "three"), queue="cpu")
    assert "waits for the role jobs" in text(ada.get(PAGES[1]))
    work()
    page = text(ada.get(PAGES[1]))
    assert "3 in the copy" in page
    assert all(each in page for each in ("one", "two", "three", "rejected"))
    filtered = text(ada.get(f"{PAGES[1]}?queue=io&task=*_wait"))
    assert "1 in the copy match" in filtered
    assert "gallery.io_fail" not in filtered
    assert "No dead letter of the copy matches" in text(ada.get(f"{PAGES[1]}?reason=expired"))
    assert "Select a valid choice" in text(ada.get(f"{PAGES[1]}?queue=nowhere"))
    held = text(ada.get(f"{PAGES[1]}of/one/"))
    assert "mine" in held
    assert "hush" not in held
    assert "mine" not in text(staff("view").get(f"{PAGES[1]}of/one/"))


def test_a_replay_says_how_many_and_which_and_then_runs_each_once(
    ada: Client, bury: Callable[..., None], yard: Processes, channel: Any
) -> None:
    bury(
        *(valid("gallery.io_wait", f"task-{number}") for number in range(5)), valid("gallery.io_nobody", "x")
    )
    copied()
    address = f"{PAGES[1]}replay/"
    assert staff("view").get(address).status_code == 403
    preview = ada.get(address)
    assert "Replay 6 dead letters?" in text(preview)
    assert "this release knows no such task" in text(preview)
    assert ada.post(address, {"count": 6}).status_code == 403
    fields = form_of(preview)
    counted_in = int(time.time())
    # A death is known to the second: the next one must be of another second than those that were counted.
    eventually(lambda: time.time() >= counted_in + 1)
    call_command(
        "switchyard", "deadletters", "discard", "--id", "task-0", "--yes", "--by", "bob", stdout=StringIO()
    )
    bury(valid("gallery.io_wait", "later"))
    [asked] = posted(ada, address, fields | {"why": "mended in 1.2"})
    assert "Replay by" in text(asked)
    assert not Message.objects.exists()
    work()
    came_of_it = text(ada.get(f"{PAGES[1]}jobs/{Job.objects.get(why='mended in 1.2').pk}/"))
    assert "done. 4 dead letters. 1 could not be. 1 of those that were counted did not" in came_of_it
    assert "1: this release knows no such task" in came_of_it
    yard.start("relay")
    yard.worker("io")
    eventually(lambda: Run.objects.filter(finished__isnull=False).count() == 4)
    assert set(Run.objects.values_list("task_id", flat=True)) == {f"task-{number}" for number in range(1, 5)}
    assert Run.objects.count() == 4
    assert dead(channel) == 2
    by = "ada-view-replay-discard-payload"
    assert set(Action.objects.values_list("verb", "by")) == {("replay", by), ("discard", "bob")}


def posted(client: Client, address: str, fields: dict[str, str]) -> Iterator[Any]:
    """Each page that pressing the button leads to, until it leads away."""
    while True:
        page = client.post(address, fields)
        if page.status_code == 302:
            yield client.get(page["Location"])
            return
        yield page
        fields = form_of(page)


def test_a_discard_wants_its_number_typed_and_keeps_what_was_not_counted(
    ada: Client, bury: Callable[..., None], channel: Any
) -> None:
    bury(valid("gallery.io_wait", "keep"), valid("gallery.io_fail", "drop"))
    copied()
    address = f"{PAGES[1]}discard/?task=*_fail"
    fields = form_of(ada.get(address))
    assert "Nothing was discarded" in text(ada.post(address, fields | {"typed": "2"}))
    [other] = posted(ada, address, fields | {"count": "many"})
    assert "not the form of that page. Look again." in text(other)
    assert dead(channel) == 2
    [asked] = posted(ada, address, fields | {"typed": "1"})
    work()
    assert "discard by" in text(asked).lower()
    assert list(Copy.objects.values_list("task_id", flat=True)) == ["keep"]
    assert (dead(channel), Action.objects.get().task_id) == (1, "drop")
    assert not Message.objects.exists()


def test_an_entry_of_the_schedule_is_sent_from_its_page(ada: Client, yard: Processes) -> None:
    call_command("switchyard", "schedule", "sync", verbosity=0)
    page = ada.get(PAGES[2])
    assert "purge once" in text(page)
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[-1]
    fields = {"entry": "purge once", "csrfmiddlewaretoken": token}
    assert ada.post(f"{PAGES[2]}run-now/", {"entry": "purge once"}).status_code == 403
    assert ada.post(f"{PAGES[2]}run-now/", fields).status_code == 302
    assert [message.task for message in Message.objects.all()] == ["switchyard.purge_once"]
    assert "Purge once was sent as task" in text(ada.get(PAGES[2]))
    assert "Sent now, as task" in LogEntry.objects.get().change_message
    assert staff("view").post(f"{PAGES[2]}run-now/", fields).status_code == 403


@pytest.mark.usefixtures("yard")
def test_the_quarantine_is_requeued_and_discarded_from_its_page(ada: Client) -> None:
    for number in range(3):
        app.tasks["gallery.io_wait"].delay_on_commit(f"{number}")
    Message.objects.filter(pk__gt=Message.objects.earliest("pk").pk).update(
        quarantined_at=Now(), reason="larger than the broker takes"
    )
    first, second = Message.objects.filter(quarantined_at__isnull=False).order_by("pk")
    page = text(ada.get(f"{PAGES[3]}?reason=larger"))
    assert "2 messages" in page
    requeue, discard = f"{PAGES[3]}requeue/?id={first.pk}", f"{PAGES[3]}discard/"
    assert "Requeue 1 messages?" in text(ada.get(requeue))
    [done] = posted(ada, requeue, form_of(ada.get(requeue)))
    assert "Requeued 1 of 1 messages." in text(done)
    # Under a new number, as the relay has passed the old one.
    assert Message.objects.get(task_id=first.task_id).quarantined_at is None
    fields = form_of(ada.get(discard))
    assert "Nothing was discarded" in text(ada.post(discard, fields))
    [other] = posted(ada, discard, fields | {"count": "many"})
    assert "not the form of that page. Look again." in text(other)
    [done] = posted(ada, discard, fields | {"typed": "1"})
    assert "Discarded 1 of 1 messages." in text(done)
    assert not Message.objects.filter(pk=second.pk).exists()
    assert Message.objects.count() == 2


def test_the_command_tells_programs_and_people_the_same(yard: Processes, channel: Any) -> None:
    for number in range(12):
        channel.basic_publish(valid("gallery.io_wait", f"{number}").message("m"), EXCHANGE, "io")
    # The broker knows a young queue's messages, consumers and dead letters one after the other.
    found = eventually(lambda: queues if counted(queues := told()) else None, within=90)
    assert found.keys() == QUEUES.keys()
    assert (found["io"]["drain_seconds"], found["io"]["drains"]) == (None, False)
    assert (found["cpu"]["drain_seconds"], found["cpu"]["verdict"]) == (0.0, "good")
    assert (found["io"]["consumers"], found["io"]["dead_letters"], found["io"]["outbox"]) == (0, 0, 0)
    output = StringIO()
    call_command("switchyard", "queues", stdout=output)
    assert "\x1b" not in output.getvalue()
    head, row = re.findall(r"^(?:queue|io) .*\d.*|^queue .*", output.getvalue(), re.MULTILINE)[:2]
    assert row[: head.index("waiting") + len("waiting")].endswith(" 12")
    assert len(head) == len(row)
    assert re.search(r"^io +Nobody works on it: 12 wait\.", output.getvalue(), re.MULTILINE)


def counted(queues: dict[str, Any]) -> bool:
    names = ("consumers", "dead_letters")
    known = all(queue[name] is not None for queue in queues.values() for name in names)
    return known and queues["io"]["messages_ready"] == 12 and queues["cpu"]["growth_rate"] is not None


def told() -> dict[str, Any]:
    output = StringIO()
    call_command("switchyard", "queues", "--json", stdout=output)
    return {queue["name"]: queue for queue in json.loads(output.getvalue())["queues"]}


@pytest.mark.parametrize(("given", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_on_a_terminal_it_is_drawn_again_and_coloured_unless_told_not_to(
    yard: Processes, given: dict[str, str], coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "app", "queues", "--watch", "--interval", "0.5"]
    watching = subprocess.Popen(command, env=yard.environment | given, cwd=FOLDER, stdout=theirs)
    seen = b""
    while seen.count(CLEAR.encode()) < 3:
        assert select.select([ours], [], [], 60)[0], seen
        seen += os.read(ours, 65536)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) == 0
    assert (b"\x1b[3" in seen.replace(CLEAR.encode(), b"")) is coloured
    os.close(ours)
    os.close(theirs)


def test_a_broker_that_is_away_is_exit_code_3_and_one_sentence(settings: Any, vhost: Vhost) -> None:
    settings.SWITCHYARD_BROKER_MANAGEMENT_URL = "http://user:secret@127.0.0.1:1"
    with pytest.raises(CommandError, match="did not answer") as refused:
        call_command("switchyard", "queues")
    assert refused.value.returncode == 3
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("wrong", [["--watch", "--json"], ["--watch", "--interval", "0"]])
def test_wrong_usage_is_refused(wrong: list[str]) -> None:
    with pytest.raises(CommandError, match=r"not allowed with|expected seconds"):
        call_command("switchyard", "queues", *wrong)
