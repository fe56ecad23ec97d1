"""The course of a benchmark: one part after the other, each on empty queues."""

import os
import platform
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from tests.bench import gauge, tasks  # noqa: E402, F401 - tasks so that app.tasks has them by name
from tests.bench.figures import Figure, table  # noqa: E402
from tests.bench.parts import NAMES  # noqa: E402
from tests.bench.yard import Yard  # noqa: E402
from tests.live.processes import Processes  # noqa: E402
from tests.servers import Servers  # noqa: E402

PACKAGES = ("celery", "kombu", "amqp", "django", "psycopg", "structlog")


def run(
    own: Servers, environment: dict[str, str], parts: Sequence[str], share: float
) -> tuple[dict[str, Any], str]:
    """The report, and the table that is a part of it."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("switchyard", "topology", "apply", verbosity=0)
    yard = Yard(Processes(environment, own.home), share, own.broker_pids)
    figures: list[Figure] = []
    courses = []
    for part in parts:
        course, found = _part(yard, part)
        courses.append(course)
        figures += found
    report = {
        "versions": _versions(),
        "machine": {"cores": os.cpu_count(), "system": platform.system()},
        "share": share,
        "parts": courses,
        "figures": [figure.as_object() for figure in figures],
    }
    return report, table(figures)


def _part(yard: Yard, part: str) -> tuple[dict[str, Any], list[Figure]]:
    """What it found, and how busy the machine was with others just before it."""
    began = time.monotonic()
    before = {"idle": gauge.idle_share(), "load": gauge.load(), "yardstick_us": gauge.yardstick_us()}
    figures: list[Figure] = []
    try:
        for figure in import_module(NAMES[part]).measure(yard):
            print(f"{part}: {figure.what}: {figure.value:,.1f} {figure.unit}", flush=True)
            figures.append(figure)
    finally:
        yard.processes.end()
        yard.purge()
    seconds = round(time.monotonic() - began, 1)
    return {"part": part, "seconds": seconds, "before": before}, figures


def _versions() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (postgres,) = cursor.fetchone()
    packages = {package: version(package) for package in PACKAGES}
    return {"Python": platform.python_version(), "PostgreSQL": postgres, **packages}
