"""A call is what Celery would make of it at that moment, whoever has put code of his own into its way."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from celery import Celery, shared_task
from celery.app.task import Task as CelerysTask
from celery.contrib.django.task import DjangoTask
from celery.signals import before_task_publish
from django.test.utils import override_settings
from hypothesis import example, given
from hypothesis import strategies as st
from kombu.utils.json import loads
from wrapt import FunctionWrapper

from app.celery import app
from switchyard import RoutedTask
from switchyard.outbox import template
from switchyard.outbox.capture import captured
from switchyard.outbox.rows import Row
from tests.switchyard.outbox.test_template import ITS_OWN

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


BASES = {"plain": RoutedTask, "tenant": TenantTask, "mixed": MixedTask, "shadowed": ShadowedTask}


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Never runs."""


@pytest.fixture(scope="module", autouse=True)
def tasks() -> Iterator[dict[str, Any]]:
    declared = [
        shared_task(name=f"gallery.io_of_{name}", base=base, bind=True)(_nothing)
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
}
#: What a plain call may say of itself.
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "task_id": st.uuids().map(str),
        "headers": st.dictionaries(
            st.sampled_from(["tenant", "trace", "of"]), st.integers(0, 9) | st.text(max_size=3)
        ),
    },
)
CALLS = st.tuples(
    st.sampled_from(sorted(BASES)),
    st.sampled_from(["ada", "bob", "eve"]),
    st.sets(st.sampled_from(sorted(HABITS))),
    st.recursive(st.integers() | st.text(max_size=5) | st.none(), lambda inner: st.lists(inner, max_size=2)),
    OPTIONS,
)


@given(calls=st.lists(CALLS, min_size=2, max_size=8))
@example(calls=[("plain", "ada", {"a receiver writes into all"}, [], {}), ("plain", "ada", set(), None, {})])
@example(calls=[("plain", "ada", set(), 1, {"headers": {"of": 1}}), ("plain", "ada", set(), 1, {})])
def test_any_call_after_any_others_is_what_celery_makes_of_it(
    tasks: dict[str, Any], calls: list[Any]
) -> None:
    template._templates.clear()
    for base, name, habits, argument, options in calls:
        task = tasks[base]
        with ExitStack() as stack:
            for habit in sorted(habits):
                stack.enter_context(HABITS[habit]())
            token = tenant.set(name)
            try:
                ours = plain(task, argument, **options)
                celerys = whole(task, argument, **options)
            finally:
                tenant.reset(token)
        assert ours == celerys, (base, name, habits, argument, options)


def plain(task: Any, *args: Any, **options: Any) -> Any:
    """As ``delay_on_commit`` makes it."""
    celerys = super(RoutedTask, task).apply_async
    result, rows = template.plain_call(task, celerys, task.apply_async, args, {}, **options)
    assert result.id == options.get("task_id", rows[0].task_id)
    return comparable(rows)


def whole(task: Any, *args: Any, **options: Any) -> Any:
    with captured() as rows:
        task.apply_async(args, {}, **options)
    return comparable(rows)


def comparable(rows: list[Row]) -> Any:
    [row] = rows
    headers, properties = loads(row.headers), loads(row.properties)
    assert properties.pop("correlation_id") == headers["id"] == row.task_id
    rest = [(name, value) for name, value in headers.items() if name not in ITS_OWN]
    return rest, list(headers), properties, row.body, (row.task, row.queue, row.due)


def test_three_tenants_are_three_tenants(tasks: dict[str, Any]) -> None:
    template._templates.clear()
    for base in ("tenant", "mixed"):
        for name in ("a", "b", "c"):
            token = tenant.set(name)
            assert dict(plain(tasks[base])[0])["tenant"] == name
            tenant.reset(token)


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
