"""Refuses to run for others with what is for oneself: Django's debug mode, or a key that is guessed.

A debug page shows the settings and the code, and whoever knows SECRET_KEY signs sessions as anybody. Both are
nobody's business on a laptop, so they are let be where everything listens on loopback alone.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from django.conf import settings
from django.core.management.base import CommandError

from switchyard.conf import conf

#: 32 random characters of 64 are 192 bits.
SHORTEST_KEY = 32
FEWEST_CHARACTERS = 5
#: What startproject writes before its keys.
INSECURE = "django-insecure-"


def refuse_exposed() -> None:
    """Raises CommandError, a line for each reason."""
    if is_loopback(conf.BIND_ADDRESS):
        return
    found = "\n".join(_reasons())
    if found:
        raise CommandError(f"{found}\nOr let nobody else reach it: BIND_ADDRESS=127.0.0.1.")


def is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _reasons() -> Iterator[str]:
    if settings.DEBUG:
        yield f"DEBUG is on, and {conf.BIND_ADDRESS} is reached by others. Expected DEBUG=false."
    for name, keys in (
        ("SECRET_KEY", [settings.SECRET_KEY]),
        ("SECRET_KEY_FALLBACKS", settings.SECRET_KEY_FALLBACKS),
    ):
        for key in keys:
            if _is_weak(str(key)):
                yield (
                    f"{name} has {len(str(key))} characters, {len(set(str(key)))} of them different, or is "
                    f"one that startproject wrote. Expected at least {SHORTEST_KEY} random ones."
                )


def _is_weak(key: str) -> bool:
    return len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_CHARACTERS or key.startswith(INSECURE)
