"""Stands in for settings that cannot be read, so that ``--help`` answers at a prompt with nothing set.

What a verb takes does not depend on passwords, and who has none at hand needs the words most. The names of
the queues are the project's where it is known in which module they are, and QUEUE otherwise.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from celery import Celery
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from switchyard.celery import attach, attached
from switchyard.queues import QueueSpec

#: What declares the queues where nobody says more.
QUEUES = {
    "QUEUE": QueueSpec(
        name="QUEUE",
        purpose="stands for those of the project",
        pool="threads",
        concurrency=1,
        prefetch=1,
        soft_limit_seconds=1,
        hard_limit_seconds=2,
        consumer_timeout_seconds=3600,
        delivery_limit=1,
        max_length=1,
        wait_objective_seconds=1,
    )
}
ROUTES: dict[str, str] = {}
#: What settings raise that lack a variable, or find nonsense in one. Anything else is a fault of their own.
UNREADABLE = (ValueError, KeyError, ImproperlyConfigured)

_INSTALLED_APPS = [
    "switchyard",
    "django_celery_beat",
    "django_celery_results",
    *(f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")),
]


def why_unreadable() -> str:
    """Empty if the settings can be read. Raises what is neither a missing variable nor nonsense in one."""
    try:
        settings.INSTALLED_APPS  # noqa: B018 - the first use of any reads all
    except UNREADABLE as error:
        return str(error).strip("'\"") if isinstance(error, KeyError) else str(error)
    return ""


def stand_in(program: str, queues: str) -> None:
    """Configure Django with as much as the verbs need to say what they take."""
    settings.configure(
        SECRET_KEY="none",  # noqa: S106 - nothing is signed
        INSTALLED_APPS=_INSTALLED_APPS,
        DATABASES={"default": {"ENGINE": "switchyard.postgresql", "NAME": "none"}},
        SWITCHYARD_QUEUES=_known(queues) or __name__,
        SWITCHYARD_COMMAND=program,
        CELERY_BROKER_URL="pyamqp://none",
        USE_TZ=True,
    )
    try:
        attached()
    except ImproperlyConfigured:
        app = Celery("switchyard")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        attach(app)


def _known(queues: str) -> str:
    """The module, if it can be had: it may need what is not set as well."""
    with suppress(Exception):
        import_module(queues)
        return queues
    sys.modules.pop(queues, None)
    return ""


def asked(words: Sequence[str]) -> bool:
    """Whether somebody only wants to know what there is."""
    options = words[: [*words, "--"].index("--")]
    return bool({"-h", "--help"} & {*options})


def explanation(why: str, module: Any) -> str:
    return (
        f"The settings {module} cannot be read: {why.strip().rstrip('.')}. Set what they ask for, or stand "
        "where it is set, as in a pod of the service. --help works without."
    )
