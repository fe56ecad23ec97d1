"""What a task sets in its context is forgotten, and what Django keeps there on purpose is not."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest
from django.core.cache import caches
from django.utils import timezone, translation

from switchyard.worker.isolation import in_own_context

customer: ContextVar[str] = ContextVar("customer", default="nobody")


def become(name: str) -> tuple[str, str, str]:
    """The context that a task finds, before it changes it."""
    met = customer.get(), translation.get_language(), timezone.get_current_timezone_name()
    customer.set(name)
    translation.activate("de")
    timezone.activate("Asia/Tokyo")
    return met


def test_each_task_of_a_thread_begins_as_the_first_did() -> None:
    with ThreadPoolExecutor(1) as slot:
        met = [slot.submit(in_own_context, become, name).result() for name in "abc"]
        again = slot.submit(become, "d").result()
    assert {*met, again} == {("nobody", "en-us", "UTC")}


def test_what_a_task_returns_or_raises_is_its_own() -> None:
    assert in_own_context(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        in_own_context(divmod, 1, 0)


def test_the_client_of_a_cache_is_kept_from_task_to_task() -> None:
    """Each would connect to Redis anew."""
    with ThreadPoolExecutor(1) as slot:
        clients = [slot.submit(in_own_context, lambda: caches["default"]).result() for _ in range(3)]
    assert len({id(client) for client in clients}) == 1


def test_a_cache_that_cannot_be_made_fails_only_who_uses_it(settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "no.such.backend"}}
    assert in_own_context(len, "abc") == 3
