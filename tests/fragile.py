"""The tests' settings with queues that give up soon."""

from dataclasses import replace

from app import queues

queues.QUEUES.update({name: replace(spec, delivery_limit=1) for name, spec in queues.QUEUES.items()})

from tests.settings import *  # noqa: E402, F403
