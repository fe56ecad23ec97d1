"""Who is at the terminal, and what ends a round early."""

import getpass
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


def user_name() -> str:
    """The operating system's name for whoever runs this; a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@contextmanager
def stopped_by_signals(stop: Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set ``stop`` instead of ending the process wherever it is."""
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
