"""System checks of what the project says of the broker and of Celery.

| id       | found                                             |
|----------|---------------------------------------------------|
| yard.E11 | a broker driver that cannot serve                 |
| yard.W1  | an option of Celery's that a promise overrules    |
"""

from collections.abc import Iterator
from importlib.util import find_spec

from django.core import checks
from django.core.checks import CheckMessage, Error

from switchyard.broker.connection import broker_url
from switchyard.broker.options import REQUIRED, replaced


def broker_driver_can_serve() -> Iterator[Error]:
    scheme = broker_url().partition("://")[0]
    if scheme in {"pyamqp", "amqps"}:
        return
    why = "is not an AMQP driver the engine knows"
    if scheme == "librabbitmq":
        why = "has no TLS, no heartbeats and no publisher confirms, so accepted work could be lost"
        if find_spec("librabbitmq") is None:
            why += ", and it is not installed (its last release builds only below Python 3.11)"
    yield Error(
        f"BROKER_URL asks for {scheme}://, which {why}.",
        hint="Write BROKER_URL=pyamqp://user:password@host:5672/vhost, or amqps:// for TLS.",
        id="yard.E11",
    )


def celery_options_hold() -> Iterator[CheckMessage]:
    broker_url()  # what is replaced is known from the first use of the configuration
    for option, said in replaced.items():
        ours = f" is {REQUIRED[option]!r} here" if option in REQUIRED else " follows from the queues module"
        yield checks.Warning(
            f"Celery's option {option} is set to {said!r}, which does not hold: it{ours}.",
            hint=f"Remove {option} from Celery's configuration; a promise of the engine rests on it.",
            obj=option,
            id="yard.W1",
        )


RULES = (broker_driver_can_serve, celery_options_hold)
