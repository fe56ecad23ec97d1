"""No role runs for others with a debug page, or with a key that is guessed."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from switchyard.process import dependencies
from switchyard.process.exposure import INSECURE, refuse_exposed
from switchyard.process.main import VERBS

STRONG = "k9Xw2mQ7vR4tZ8bN1cL5hJ3fD6gS0pYaUeIoBxCz"
ROLES = ("web", "worker io", "beat", "relay", "exporter", "jobs", "release")


@pytest.fixture(autouse=True)
def exposed(settings: Any) -> None:
    settings.SWITCHYARD_BIND_ADDRESS = "0.0.0.0"  # noqa: S104 - what is tried
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS, settings.DEBUG = STRONG, [], False


def test_strong_keys_without_debug_are_let_be() -> None:
    refuse_exposed()


@pytest.mark.parametrize("key", ["x", "a" * 100, "abcd" * 20, "k3" * 15, INSECURE + STRONG])
def test_a_weak_key_is_refused_and_not_shown(settings: Any, key: str) -> None:
    settings.SECRET_KEY = key
    with pytest.raises(CommandError, match=f"SECRET_KEY has {len(key)} characters") as refused:
        refuse_exposed()
    assert key == "x" or key not in str(refused.value)


def test_a_weak_key_of_a_rotation_is_refused_too(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [STRONG, "earlier"]
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS has 7 characters"):
        refuse_exposed()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.0.1", "::1", "localhost"])
def test_on_loopback_it_is_ones_own_business(settings: Any, address: str) -> None:
    settings.SECRET_KEY, settings.DEBUG, settings.SWITCHYARD_BIND_ADDRESS = "x", True, address
    refuse_exposed()


@pytest.mark.parametrize("role", ROLES)
def test_every_role_refuses_debug_for_others(
    settings: Any, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    # One that is not refused goes no further, and in no case becomes another process.
    monkeypatch.setattr(dependencies, "wait_for", lambda *_: pytest.fail("it was not refused"))
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("it was not refused"))
    with pytest.raises(CommandError, match="DEBUG is on"):
        call_command("switchyard", *role.split())


def test_the_roles_are_all_there_are() -> None:
    paths = {verb for verb, path in VERBS.items() if path.startswith("switchyard.process.")}
    assert paths == {role.split()[0] for role in ROLES}
