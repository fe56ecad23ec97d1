"""The ways in which other people's libraries take part in a call, without the libraries.

Of tenant-schemas-celery an app that makes its own task base, of celery-once a base that may decline to send,
of agents such as opbeat's receivers of Celery's signals, of New Relic's and Datadog's what they wrap of
kombu's producer, and of django-structlog its own receivers.
"""

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, ClassVar

import pytest
import wrapt
from celery import Celery, Task, chain, states
from celery.result import EagerResult
from celery.signals import before_task_publish
from django_structlog.celery.receivers import CeleryReceiver
from kombu import Producer
from kombu.utils.json import loads
from structlog.contextvars import bound_contextvars, clear_contextvars

from app.celery import app as attached_app
from switchyard.celery import attach
from switchyard.outbox.context import HEADER
from switchyard.outbox.models import Message
from switchyard.outbox.sending import send_on_commit
from switchyard.tasks.base import RoutedTask

pytestmark = pytest.mark.django_db(transaction=True)

schema: ContextVar[str] = ContextVar("schema", default="public")

io_wait = attached_app.tasks["gallery.io_wait"]


class TenantTask(Task):
    """The call's schema goes along, for all that are sent by their task."""

    abstract = True

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        headers = {**(options.pop("headers", None) or {}), "_schema_name": schema.get()}
        return super().apply_async(args, kwargs, headers=headers, **options)


class TenantApp(Celery):
    def create_task_cls(self) -> Any:
        return self.subclass_with_self(TenantTask, name="TenantTask", attribute="_app", abstract=True)


class Once(RoutedTask):
    """Sends the same arguments once, until somebody takes the lock away."""

    abstract = True
    locks: ClassVar[set[str]] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.locks.discard(repr(args))
        return super().__call__(*args, **kwargs)

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        if not options.get("retries") and repr(args) in self.locks:
            return EagerResult(None, None, states.REJECTED)
        self.locks.add(repr(args))
        return super().apply_async(args, kwargs, **options)


def echo(key: str) -> str:
    return key


def kept(header: str) -> list[Any]:
    return [loads(row.headers).get(header) for row in Message.objects.order_by("id")]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    monkeypatch.setattr("switchyard.celery._attached", [])
    yield TenantApp("theirs", broker="pyamqp://nobody@127.0.0.1:1//", set_as_current=False, changes=None)
    attached_app.set_default()


def test_an_app_that_makes_its_own_task_base_keeps_it_beneath_ours(app: Celery) -> None:
    """As tenant-schemas-celery's, whose tasks all ran for the public schema."""
    attach(app)

    @app.task(name="gallery.io_tenants")
    def tenants() -> None:
        """Never runs."""

    task: Any = app.tasks["gallery.io_tenants"]
    assert isinstance(task, RoutedTask)
    assert isinstance(task, TenantTask)
    for name in ("a", "b", "b"):
        token = schema.set(name)
        task.delay_on_commit()
        schema.reset(token)
    assert kept("_schema_name") == ["a", "b", "b"]


def test_a_base_that_declines_to_send_leaves_no_message() -> None:
    task: Any = attached_app.task(name="gallery.io_once", base=Once, shared=False)(echo)
    try:
        for key in ("a", "a", "b"):
            task.delay_on_commit(key)
        assert [row.body.split('"')[1] for row in Message.objects.order_by("id")] == ["a", "b"]
        assert task.apply(("a",)).result == "a"
        task.delay_on_commit("a")
        assert Message.objects.count() == 3
    finally:
        attached_app.tasks.unregister("gallery.io_once")


def test_a_receiver_may_add_to_the_headers_of_every_call() -> None:
    """Each for its own call, also after the first, whose message is kept."""

    def trace(headers: dict[str, Any], **_: Any) -> None:
        headers["elastic-apm"] = {"id": headers["id"], "schema": schema.get()}

    before_task_publish.connect(trace)
    try:
        for name in ("a", "b", "c"):
            token = schema.set(name)
            io_wait.delay_on_commit(name)
            schema.reset(token)
    finally:
        before_task_publish.disconnect(trace)
    ids = list(Message.objects.order_by("id").values_list("task_id", flat=True))
    wanted = [{"id": task_id, "schema": name} for task_id, name in zip(ids, "abc", strict=True)]
    assert kept("elastic-apm") == wanted


def in_new_headers(publish: Any, _: Any, args: Any, options: Any) -> Any:
    """New Relic's, whose trace the message is to carry."""
    return publish(*args, **options | {"headers": {"traceparent": schema.get()} | options["headers"]})


def in_the_same_headers(publish: Any, producer: Any, args: Any, options: Any) -> Any:
    """Datadog's, which also asks where the message goes."""
    getattr(producer.channel.connection, "host", None)
    args[4]["traceparent"] = schema.get()
    return publish(*args, **options)


@pytest.mark.parametrize(
    ("method", "agents"), [("publish", in_new_headers), ("_publish", in_the_same_headers)]
)
def test_what_wraps_kombus_producer_takes_part_in_a_call_that_is_kept(
    monkeypatch: pytest.MonkeyPatch, method: str, agents: Any
) -> None:
    """A trace ended at each call that went by the outbox, and went on over each that was sent at once."""
    io_wait.delay_on_commit("before it is set up")
    monkeypatch.setattr(Producer, method, wrapt.FunctionWrapper(getattr(Producer, method), agents))
    for name in ("a", "b"):
        token = schema.set(name)
        io_wait.delay_on_commit(name)
        io_wait.apply_async_on_commit((name,), countdown=60)
        send_on_commit(chain(io_wait.si(name), io_wait.si(name)))
        schema.reset(token)
    assert kept("traceparent") == [None, *"aaabbb"]


def test_django_structlogs_own_receivers_and_ours_say_the_same() -> None:
    own = CeleryReceiver()
    before_task_publish.connect(own.receiver_before_task_publish)
    try:
        # What tasks that ran in this process before have bound.
        clear_contextvars()
        with bound_contextvars(request_id="r-1", user_id=7):
            io_wait.delay_on_commit("a")
    finally:
        before_task_publish.disconnect(own.receiver_before_task_publish)
    assert kept(HEADER) == [{"request_id": "r-1", "user_id": 7}]
