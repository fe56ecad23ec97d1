"""A call is what Celery would make of it at that moment, whoever has put code of his own into its way."""

import functools
import json
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any

import pytest
from celery import Celery, shared_task
from celery.app.task import Task as CelerysTask
from celery.backends.base import DisabledBackend
from celery.contrib.django.task import DjangoTask
from celery.result import AsyncResult
from celery.signals import before_task_publish
from django.db import transaction
from django.test.utils import override_settings
from hypothesis import example, given
from hypothesis import strategies as st
from kombu import Producer, serialization
from kombu.utils import json as kombus
from wrapt import FunctionWrapper

from app.celery import app
from switchyard import RoutedTask
from switchyard.outbox import template
from switchyard.outbox.capture import captured
from switchyard.outbox.errors import TaskCallError
from switchyard.outbox.overrides import Shipped
from switchyard.outbox.rows import Row
from switchyard.tasks.discarded import Result
from switchyard.tasks.sent import SentResult
from tests.gallery.models import Run

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


class Tenant:
    """As many projects have it: the tenant goes along in the headers."""

    def apply_async(self, *args: Any, **options: Any) -> Any:
        options["headers"] = {**(options.get("headers") or {}), "tenant": tenant.get()}
        return super().apply_async(*args, **options)  # type: ignore[misc]


class TenantTask(Tenant, RoutedTask):
    abstract = True


class CelerysTenantTask(Tenant, DjangoTask):
    abstract = True


class MixedTask(RoutedTask, CelerysTenantTask):
    """Ours calls theirs."""

    abstract = True


class ShadowedTask(RoutedTask):
    abstract = True

    def shadow_name(self, args: Any, kwargs: Any, options: Any) -> str:
        return f"of {tenant.get()}"


class Elsewhere(AsyncResult):  # type: ignore[type-arg]
    """A result that is kept by somebody else."""


class KeptElsewhereTask(RoutedTask):
    abstract = True

    def AsyncResult(self, task_id: str, **options: Any) -> Any:  # noqa: N802 - Celery's name
        return Elsewhere(task_id, backend=ELSEWHERE, app=self.app, **options)


ELSEWHERE: Any = DisabledBackend(app=app)
BASES = {
    "plain": RoutedTask,
    "tenant": TenantTask,
    "mixed": MixedTask,
    "shadowed": ShadowedTask,
    "kept elsewhere": KeptElsewhereTask,
}


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Never runs."""


@pytest.fixture(scope="module", autouse=True)
def tasks() -> Iterator[dict[str, Any]]:
    declared = [
        shared_task(name=f"gallery.io_of_{name.replace(' ', '_')}", base=base, bind=True)(_nothing)
        for name, base in BASES.items()
    ]
    yield {name: app.tasks[task.name] for name, task in zip(BASES, declared, strict=True)}
    for task in declared:
        app.tasks.unregister(task.name)


def _adds(headers: dict[str, Any], **_: Any) -> None:
    headers["tenant"] = tenant.get()


def _writes_into_all(headers: dict[str, Any], properties: dict[str, Any], body: Any, **_: Any) -> None:
    headers["stamps"][tenant.get()] = 1
    headers["timelimit"][0] = len(headers["stamps"])
    properties.setdefault("priority", len(tenant.get()))
    body[2]["chain"] = body[2]["chain"] or [tenant.get()]


def _instrumented(original: Callable[..., Any]) -> Callable[..., Any]:
    """Sentry's way."""

    @functools.wraps(original)
    def apply_async(*args: Any, **options: Any) -> Any:
        options["headers"] = {**(options.get("headers") or {}), "trace": tenant.get()}
        return original(*args, **options)

    return apply_async


def _wrapped(original: Callable[..., Any]) -> Any:
    """The way of those built on wrapt: OpenTelemetry, Datadog, New Relic."""

    def around(wrapped: Any, instance: Any, args: Any, options: Any) -> Any:
        return wrapped(*args, **options | {"headers": {"trace": tenant.get()}})

    return FunctionWrapper(original, around)


@contextmanager
def receiver(function: Callable[..., None]) -> Iterator[None]:
    before_task_publish.connect(function)
    yield
    before_task_publish.disconnect(function)


def _in_new_headers(original: Callable[..., Any]) -> Any:
    """New Relic's way with kombu's producer."""

    def around(publish: Any, _: Any, args: Any, options: Any) -> Any:
        return publish(*args, **options | {"headers": {"trace": tenant.get()} | options["headers"]})

    return FunctionWrapper(original, around)


def _in_the_same_headers(original: Callable[..., Any]) -> Any:
    """Datadog's."""

    def around(publish: Any, _: Any, args: Any, options: Any) -> Any:
        args[4]["trace"] = tenant.get()
        return publish(*args, **options)

    return FunctionWrapper(original, around)


@contextmanager
def json_of_their_own() -> Iterator[None]:
    """As a project has it for types of its own, or for another library's speed."""
    serialization.register(
        "json", lambda body: json.dumps(body, default=str, indent=1), json.loads, "application/json", "utf-8"
    )
    yield
    serialization.register_json()


@contextmanager
def a_type_of_their_own() -> Iterator[None]:
    """As kombu documents it, for what it would refuse otherwise."""
    kombus.register_type(complex, "complex", str, complex)
    yield
    del kombus._encoders[complex], kombus._decoders["complex"]


@contextmanager
def patched(owner: Any, name: str, wrap: Callable[[Any], Any]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, wrap(owner.__dict__[name]))
        yield


#: What a project or a library does, and undoes.
HABITS: dict[str, Callable[[], Any]] = {
    "a receiver adds": lambda: receiver(_adds),
    "a receiver writes into all": lambda: receiver(_writes_into_all),
    "apply_async is instrumented": lambda: patched(CelerysTask, "apply_async", _instrumented),
    "ours is instrumented": lambda: patched(RoutedTask, "apply_async", _instrumented),
    "send_task is instrumented": lambda: patched(Celery, "send_task", _instrumented),
    "apply_async is wrapped": lambda: patched(CelerysTask, "apply_async", _wrapped),
    "send_task is wrapped": lambda: patched(Celery, "send_task", _wrapped),
    "arguments are shown flat": lambda: override_settings(CELERY_TASK_REPR_MAXLEVELS=1),
    "publish is wrapped": lambda: patched(Producer, "publish", _in_new_headers),
    "_publish is wrapped": lambda: patched(Producer, "_publish", _in_the_same_headers),
    "json is another": json_of_their_own,
    "json knows another type": a_type_of_their_own,
}
#: What Celery's JSON holds, and what it does not.
ARGUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | st.sampled_from([object, "x" * 2**20, Run(key="a"), "\ud800", 1j]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
#: What a plain call may say of itself.
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "task_id": st.uuids().map(str) | st.text(max_size=3),
        "headers": st.dictionaries(
            st.sampled_from(["tenant", "trace", "of", "x" * 256, "shadow", "retries", "stamps", "root_id"]),
            ARGUMENTS,
            max_size=2,
        ),
    },
)
CALLS = st.tuples(
    st.sampled_from(sorted(BASES)),
    st.sampled_from(["ada", "bob", "eve"]),
    st.sets(st.sampled_from(sorted(HABITS)), max_size=3),
    ARGUMENTS,
    st.dictionaries(st.text(max_size=3), ARGUMENTS, max_size=2),
    OPTIONS,
)


#: A plain task of one tenant.
ADAS = ("plain", "ada")


@given(calls=st.lists(CALLS, min_size=2, max_size=8))
@example(
    calls=[(*ADAS, habits, 1, {}, {}) for each in sorted(HABITS) for habits in (set(), {each}, {each}, set())]
)
@example(calls=[(*ADAS, habits, 1j, {}, {}) for habits in (set(), {"json knows another type"}, set())])
@example(calls=[(*ADAS, set(), each, {"b": each}, {}) for each in (1, object, Run(key="a"), "x" * 2**20)])
@example(
    calls=[
        (*ADAS, set(), 1, {}, {"headers": {name: value}})
        for name in ("of", "shadow", "retries", "root_id", "stamps")
        for value in (None, 0, False, True, "", [], {}, 1.5, math.nan, object)
    ]
)
def test_any_call_after_any_others_is_what_celery_makes_of_it(
    tasks: dict[str, Any], calls: list[Any]
) -> None:
    template._templates.clear()
    for base, name, habits, argument, named, options in calls:
        task = tasks[base]
        with ExitStack() as stack:
            for habit in sorted(habits):
                stack.enter_context(HABITS[habit]())
            token = tenant.set(name)
            try:
                ours = plain(task, argument, named, **deepcopy(options))
                celerys = whole(task, argument, named, **deepcopy(options))
            finally:
                tenant.reset(token)
        assert ours == celerys, (base, name, habits, argument, named, options)


def plain(task: Any, argument: Any = None, named: Any = None, **options: Any) -> Any:
    """As ``delay_on_commit`` makes it."""

    def make() -> list[Row]:
        celerys = super(RoutedTask, task).apply_async
        result, rows = template.plain_call(
            task, celerys, task.apply_async, (argument,), named, result_of=task.AsyncResult, **options
        )
        assert result.id == rows[0].task_id == (options.get("task_id") or rows[0].task_id)
        return rows

    return what_came_of(make)


def whole(task: Any, argument: Any, named: Any, **options: Any) -> Any:
    """By Celery's and kombu's own code, whose producer nobody takes the place of."""

    def make() -> list[Row]:
        with captured() as rows, pytest.MonkeyPatch.context() as patch:
            patch.setattr(Shipped, "hold", lambda _: False)
            task.apply_async((argument,), named, **options)
        return rows

    return what_came_of(make)


def what_came_of(make: Callable[[], list[Row]]) -> Any:
    """The row, byte for byte but for its id and time; or what it was refused with."""
    try:
        [row] = make()
    except (TaskCallError, TypeError, ValueError) as refused:
        return type(refused), str(refused)
    sent_at = json.loads(row.headers)["sent_at"]
    texts = [
        text.replace(json.dumps(row.task_id), '"its id"').replace(f'"sent_at": {sent_at}', '"sent_at": 0')
        for text in (row.headers, row.properties, row.body)
    ]
    return *texts, row.task, row.queue, row.due


@pytest.mark.django_db
def test_a_result_is_what_its_task_makes_of_it_at_each_call(tasks: dict[str, Any]) -> None:
    template._templates.clear()
    for base, kind, backend in (("plain", Result, app.backend), ("kept elsewhere", Elsewhere, ELSEWHERE)):
        for _ in range(2):
            with transaction.atomic():
                called, sent = tasks[base].delay(), tasks[base].delay_on_commit()
            assert (type(called), called.backend) == (kind, backend)
            assert (type(sent), sent.backend, sent) == (SentResult, backend, sent.id)


def test_three_tenants_are_three_tenants(tasks: dict[str, Any]) -> None:
    template._templates.clear()
    for base in ("tenant", "mixed"):
        for name in ("a", "b", "c"):
            token = tenant.set(name)
            assert json.loads(plain(tasks[base])[0])["tenant"] == name
            tenant.reset(token)


def test_headers_that_many_calls_share_are_left_as_they_are(tasks: dict[str, Any]) -> None:
    """Of another library the first call's tenant stayed in them, and was everybody's."""
    template._templates.clear()
    shared: dict[str, Any] = {"of": [1]}
    for base in ("plain", "tenant", "plain"):
        with receiver(_adds):
            plain(tasks[base], headers=shared)
    assert shared == {"of": [1]}


def test_what_nobody_has_changed_is_made_from_a_template(tasks: dict[str, Any]) -> None:
    template._templates.clear()
    task = tasks["plain"]
    went_the_whole_way: list[str] = []

    def counted(send_task: Any) -> Any:
        def send(self: Any, name: str, *args: Any, **options: Any) -> Any:
            went_the_whole_way.append(name)
            return send_task(self, name, *args, **options)

        return send

    plain(task, "first")
    with patched(Celery, "send_task", counted):
        plain(task, "while another's code is in the way")
    assert went_the_whole_way == [task.name]
    plain(task, "first after it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template, "recorded", None)
        plain(task, "last")
