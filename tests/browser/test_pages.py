"""Somebody on call, with a browser."""

import os
import re
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models.functions import Now

from app.celery import app
from switchyard.deadletters import jobs
from switchyard.deadletters.models import Deed
from switchyard.outbox.models import Message
from switchyard.queues import EXCHANGE
from tests.browser.conftest import Web
from tests.browser.page import Page
from tests.gallery.models import Run
from tests.live.jobs import work
from tests.live.processes import Processes, eventually
from tests.malformed import valid

PATHS = {
    "queues": "",
    "queues-hour": "?minutes=60",
    "deadletters": "dead-letters/",
    "deadletters-none": "dead-letters/?reason=maxlen",
    "deadletters-wrong": "dead-letters/?queue=nowhere",
    "deadletter": "dead-letters/of/failed-3/",
    "jobs": "dead-letters/jobs/",
    "replay": "dead-letters/replay/?queue=io",
    "discard": "dead-letters/discard/",
    "schedule": "schedule/",
    "outbox": "outbox/",
    "requeue": "outbox/requeue/",
    "quarantine-discard": "outbox/discard/",
}
#: Language, zone of time, direction, and how people write a large number there.
LOCALES = [
    ("ar", "Africa/Cairo", "rtl", "77.000"),
    ("de", "Europe/Berlin", "ltr", "77.000"),
    ("fr", "America/Montreal", "ltr", "77 000"),
    ("en-in", "Asia/Kolkata", "ltr", "77,000"),
]
#: Those that have numbers and times on them.
READ = ("queues", "deadletters", "replay", "schedule", "outbox", "quarantine-discard")
MANY = 210
#: As long as a name may be, and without a place to break it.
LONG = "gallery." + "x" * 240


@pytest.fixture
def busy(yard: Processes, channel: Any, bury: Callable[..., None]) -> None:
    """Something to see on every page."""
    call_command("switchyard", "schedule", "sync", verbosity=0)
    bury(*(valid("gallery.io_wait", f"failed-{number}") for number in range(5)))
    bury(valid("gallery.cpu_nobody_knows", "unknown"), valid(LONG, "long"), queue="cpu")
    jobs.ask(Deed.REPLAY, "ada", task="none.*", why="to see one on the pages")
    jobs.ask(Deed.COPY, "ada")
    work()
    for number in range(30):
        channel.basic_publish(valid("gallery.io_wait", f"{number}").message("m"), EXCHANGE, "io")
    for number in range(4):
        app.tasks["gallery.io_wait"].delay_on_commit(f"kept {number}")
    last = Message.objects.order_by("-pk").values("pk")[:2]
    Message.objects.filter(pk__in=list(last.values_list("pk", flat=True))).update(
        quarantined_at=Now(), reason="its 17,000,000 bytes are more than the broker takes (16777216)"
    )


@pytest.mark.usefixtures("busy")
def test_every_page_keeps_its_policy_and_keeps_nobody_out_in_light_and_dark(page: Page) -> None:
    page.go()
    eventually(lambda: page.browser.refresh() or page.number("io", "waiting") == 30, within=90)
    found: dict[tuple[str, ...], list[str]] = {}
    for scheme in ("light", "dark"):
        page.use_colours(scheme)
        for name, path in PATHS.items():
            page.go(path)
            page.picture(f"{name}-{scheme}")
            found[name, scheme] = [*page.barriers(), *page.complaints()]
        for name in ("queues", "deadletters", "replay", "schedule"):
            with page.narrow():
                page.go(PATHS[name])
                page.picture(f"{name}-phone-{scheme}")
                found[name, "phone", scheme] = page.barriers()
                assert page.hidden_width() == 0, name
        page.leave()
        page.picture(f"login-{scheme}")
        found["login", scheme] = page.barriers()
        page.come_back()
    assert "\n".join(f"{key}: {each}" for key, wrong in found.items() for each in wrong) == ""


def refuse(*numbers: int) -> None:
    """Have the broker have refused messages of these numbers, and no others."""
    Message.objects.all().delete()
    for number in numbers:
        task_id = app.tasks["gallery.io_wait"].delay_on_commit(f"row {number}")
        Message.objects.filter(task_id=task_id).update(id=number, quarantined_at=Now(), reason="NO_ROUTE")


@pytest.mark.usefixtures("busy")
def test_every_page_means_what_it_shows_in_four_languages_and_zones(page: Page) -> None:
    found = {}
    for language, zone, direction, number in LOCALES:
        page.read_as(language, zone)
        refuse(77, 77_000)
        for name in READ:
            page.go(PATHS[name])
            page.picture(f"{name}-{language}")
            directions = page.direction("body"), page.direction(".ops"), page.direction("h1")
            assert directions == (direction, "ltr", "ltr"), (name, language)
            assert page.hidden_width() == 0, (name, language)
            found[name, language] = page.complaints()
            if clock := re.search(r"(\d\d:\d\d):\d\d UTC", page.text):
                now = datetime.now(UTC)
                assert clock[1] in {f"{now - timedelta(minutes=ago):%H:%M}" for ago in range(3)}
        found["barriers", language] = page.barriers()
        page.go("outbox/")
        page.type_into("id", number)
        page.press("Filter")
        page.press("Discard")
        page.type_into("typed", "1")
        page.press("Discard 1")
        assert "Discarded 1 of 1 messages." in page.text
        assert list(Message.objects.values_list("pk", flat=True)) == [77]
    assert "\n".join(f"{key}: {each}" for key, wrong in found.items() for each in wrong) == ""


#: Of the admin, beside the pages of operations: each kind of page and widget that it has.
OF_THE_ADMIN = (
    "/admin/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/auth/group/add/",
    "/admin/auth/user/1/password/",
    "/admin/password_change/",
    "/admin/django_celery_beat/periodictask/",
    "/admin/django_celery_beat/periodictask/add/",
    "/admin/django_celery_beat/crontabschedule/add/",
    "/admin/django_celery_results/taskresult/",
    "/admin/switchyard/message/",
    "/admin/switchyard/tick/",
    "/admin/webhooks/delivery/",
    "/admin/webhooks/target/",
    "/admin/logout/",
    "/admin/login/",
    "/nowhere",
)


def test_every_other_page_of_the_admin_keeps_the_policy_too(page: Page) -> None:
    found = {}
    for path in OF_THE_ADMIN:
        page.visit(path.replace("/user/1/", f"/user/{User.objects.get().pk}/"))
        found[path] = [each for each in page.complaints() if "Security Policy" in each]
        assert page.browser.title or path == "/nowhere", path
    assert found == {path: [] for path in OF_THE_ADMIN}


def test_the_console_tells_of_what_the_policy_forbids(page: Page) -> None:
    page.go()
    page.browser.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.ran = true';"
        "document.body.append(script); document.body.setAttribute('style', 'color: red');"
    )
    assert page.browser.execute_script("return window.ran") is None
    assert "Content Security Policy" in " ".join(page.complaints())


def test_a_growing_queue_is_shown_as_it_grows_without_a_reload(page: Page, channel: Any) -> None:
    page.go()
    page.browser.execute_script("window.sameDocument = true")
    shown, sent = [0], 0
    deadline = time.monotonic() + 120
    while len(set(shown)) < 5:
        assert time.monotonic() < deadline, (shown, page.text)
        for _ in range(10):
            channel.basic_publish(valid("gallery.io_wait", f"{sent}").message("m"), EXCHANGE, "io")
            sent += 1
        time.sleep(0.3)
        now = page.number("io", "waiting")
        assert now is None or shown[-1] <= now <= sent
        shown.append(shown[-1] if now is None else now)
    eventually(lambda: page.number("io", "waiting") == sent, within=60)
    eventually(lambda: "Nobody works on it" in page.text and "Grown for" in page.text, within=60)
    page.picture("growing")
    assert page.browser.execute_script("return window.sameDocument")
    assert page.complaints() == []


def test_a_service_that_does_not_answer_is_said_beside_the_old_numbers(page: Page, web: Web) -> None:
    page.go()
    assert "Refreshed every 3 s" in page.text
    os.killpg(web.role.popen.pid, signal.SIGSTOP)
    eventually(lambda: "Nothing heard since" in page.text, within=60)
    assert "Refreshed every" not in page.text
    page.picture("silent")
    os.killpg(web.role.popen.pid, signal.SIGCONT)
    eventually(lambda: "Refreshed every 3 s" in page.text, within=60)
    web.role.kill_all()
    eventually(lambda: "Nothing heard since" in page.text, within=60)
    page.picture("gone")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_replay_from_the_page_runs_each_task_once(
    page: Page, yard: Processes, bury: Callable[..., None], scripts: bool
) -> None:
    """A job does it, which the page shows as it goes; without scripts, when it is loaded again."""
    bury(*(valid("gallery.io_wait", f"task-{number}") for number in range(MANY)))
    yard.start("jobs")
    if not scripts:
        page.forbid_scripts()
    eventually(lambda: page.go("dead-letters/?queue=io") or f"{MANY} in the copy" in page.text)
    page.press("Replay them")
    page.press(f"Replay {MANY}")
    page.picture("job")
    done = f"done. {MANY} dead letters."
    eventually(lambda: done in page.text or (not scripts and page.browser.refresh()))
    yard.start("relay")
    yard.worker("io")
    eventually(lambda: Run.objects.filter(finished__isnull=False).count() == MANY)
    assert len(set(Run.objects.values_list("task_id", flat=True))) == Run.objects.count() == MANY


def test_a_discard_needs_its_number_typed(page: Page, yard: Processes, bury: Callable[..., None]) -> None:
    bury(valid("gallery.io_wait", "one"), valid("gallery.io_wait", "two"))
    yard.start("jobs")
    eventually(lambda: page.go("dead-letters/") or "2 in the copy" in page.text)
    page.go("dead-letters/discard/")
    page.type_into("typed", "2")
    page.press("Discard 2")
    eventually(lambda: "done. 2 dead letters." in page.text)
    eventually(lambda: page.go("dead-letters/") or "nothing has failed for good" in page.text, within=60)
