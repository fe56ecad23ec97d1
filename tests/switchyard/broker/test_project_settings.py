"""An option is looked up without Celery's own look-up, and is what that would find."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.test.utils import override_settings
from hypothesis import given
from hypothesis import strategies as st

from app.celery import app
from switchyard.broker.options import asked, is_eager

OPTIONS = ["task_always_eager", "task_repr_maxlevels", "task_serializer", "worker_prefetch_multiplier"]
VALUES = [True, False, 0, 3, None]


@contextmanager
def set_on_settings(name: str, value: Any) -> Iterator[None]:
    """As fixtures do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, name, value, raising=False)
        yield


@contextmanager
def deleted_from_settings(name: str, _: Any) -> Iterator[None]:
    with override_settings(**{name: 7}):
        delattr(settings, name)
        yield


@contextmanager
def set_on_the_app(name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(app.conf.changes, name.removeprefix("CELERY_").lower(), value)
        yield


WAYS: dict[str, Callable[[str, Any], Any]] = {
    "overridden": lambda name, value: override_settings(**{name: value}),
    "set": set_on_settings,
    "deleted": deleted_from_settings,
    "set on the app": set_on_the_app,
}
SAID = st.lists(
    st.tuples(st.sampled_from(sorted(WAYS)), st.sampled_from(OPTIONS), st.sampled_from(VALUES)), max_size=3
)


@pytest.fixture(scope="module", autouse=True)
def options_are_read() -> None:
    """As they are when a task is bound."""
    assert app.conf.task_serializer == "json"


@given(said=SAID)
def test_an_option_is_what_celery_finds_however_it_was_said(said: list[Any]) -> None:
    with ExitStack() as stack:
        for way, option, value in said:
            stack.enter_context(WAYS[way](f"CELERY_{option.upper()}", value))
            assert {each: asked(app.conf, each) for each in OPTIONS} == {
                each: app.conf.get(each) for each in OPTIONS
            }
    assert asked(app.conf, "task_always_eager") == app.conf.get("task_always_eager")


@pytest.mark.parametrize("way", ["overridden", "set", "set on the app"])
def test_a_test_may_run_its_tasks_at_once_however_it_says_so(way: str) -> None:
    for _ in range(2):
        assert not is_eager(app)
        with WAYS[way]("CELERY_TASK_ALWAYS_EAGER", True):
            assert is_eager(app)
