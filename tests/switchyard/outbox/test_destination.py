"""A task without a route is refused where it is called, whoever calls it and however deep in a canvas."""

from collections.abc import Callable
from typing import Any

import pytest
from celery import chain, chord, group, signature
from django.contrib.auth.models import User
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.outbox.capture import captured
from switchyard.outbox.errors import NoRoute
from switchyard.outbox.models import Message
from switchyard.outbox.sending import send_on_commit
from switchyard.routing import HOME
from tests.gallery.tasks import join, part

# The broker of tests/settings.py cannot be reached: whatever asks it fails otherwise.
pytestmark = pytest.mark.django_db(transaction=True)

wait = app.tasks["gallery.io_wait"]
LOST = signature("nope.nope")

CALLS: dict[str, Callable[[], Any]] = {
    "by name": lambda: app.send_task("nope.nope"),
    "signature": LOST.delay,
    "signature on commit": lambda: send_on_commit(signature("nope.nope")),
    "chain": lambda: send_on_commit(chain(wait.si("a"), signature("nope.nope"))),
    "late in a chain": lambda: send_on_commit(chain(wait.si("a"), wait.si("b"), signature("nope.nope"))),
    "group": lambda: send_on_commit(group(wait.si("a"), signature("nope.nope"))),
    "chord": lambda: send_on_commit(chord([part.si("a", 0, False)], signature("nope.nope"))),
    "chord in a chain": lambda: send_on_commit(
        chain(wait.si("a"), chord([part.si("a", 0, False), signature("nope.nope")], join.s("b")))
    ),
    "callback": lambda: wait.apply_async_on_commit(("a",), link=signature("nope.nope")),
    "callback of an error": lambda: wait.apply_async_on_commit(("a",), link_error=signature("nope.nope")),
    "callback of a callback": lambda: wait.apply_async_on_commit(
        ("a",), link=wait.si("b").on_error(signature("nope.nope"))
    ),
    "no name at all": lambda: app.send_task("\x00"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_task_without_a_route_is_refused_at_the_call(call: Callable[[], Any]) -> None:
    with pytest.raises(NoRoute, match=f"add a line to ROUTES in {HOME}"):
        call()
    assert not Message.objects.exists()


def test_the_error_says_the_line_to_write() -> None:
    with pytest.raises(NoRoute) as refused:
        app.send_task("billing.charge")
    assert '"billing.*": "QUEUE" with one of io, cpu' in str(refused.value)


def test_a_task_of_another_service_needs_a_route_and_nothing_else() -> None:
    send_on_commit(chain(signature("gallery.io_of_another"), signature("gallery.cpu_of_another")))
    assert Message.objects.get().queue == "io"


def test_a_retry_goes_back_to_where_it_came_from_without_a_route() -> None:
    with captured() as rows:
        app.send_task("nope.nope", retries=1, exchange="tasks", routing_key="io")
    assert rows[0].queue == "io"


def test_an_argument_that_looks_like_a_signature_is_an_argument() -> None:
    wait.delay_on_commit({"task": "nope.nope", "subtask_type": "group"})
    assert Message.objects.count() == 1


def test_an_entry_of_the_schedule_without_a_route_is_refused_by_the_admins_form(client: Client) -> None:
    client.force_login(User.objects.create_superuser("operator"))
    every, _ = IntervalSchedule.objects.get_or_create(every=10, period="seconds")
    fields = {"name": "e", "interval": every.pk, "args": "[]", "kwargs": "{}", "headers": "{}"}
    rule = {"rule-TOTAL_FORMS": "0", "rule-INITIAL_FORMS": "0"}
    address = "/admin/django_celery_beat/periodictask/add/"
    answer = client.post(address, fields | rule | {"task": "nope.nope"})
    assert f"add a line to ROUTES in {HOME}" in answer.content.decode()
    assert not PeriodicTask.objects.exists()
    client.post(address, fields | rule | {"task": "gallery.io_of_the_next_release"})
    assert PeriodicTask.objects.get().task == "gallery.io_of_the_next_release"
