"""Web alone with a database, as a process: for what is measured or tried from outside."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic

from deploy.local.ports import LOOPBACK, free_ports
from tests.polling import eventually


def prepared(database: str, folder: Path) -> dict[str, str]:
    """The environment of a web over this database, with its tables made and its files collected."""
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "only-for-a-web-that-is-alone",
        "DATABASE_URL": database,
        "BROKER_URL": "pyamqp://none",
        "ALLOWED_HOSTS": LOOPBACK,
        "BIND_ADDRESS": LOOPBACK,
        "LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "app.settings",
        "STATIC_ROOT": str(folder / "static"),
    }
    for verb in ("migrate", "collectstatic"):
        command = [sys.executable, "-m", "app", verb, "--noinput", "-v0"]
        subprocess.run(command, env=environment, check=True)
    return environment


@contextmanager
def served(command: list[str], environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    port, probes = free_ports(2)
    ports = {"PORT": str(port), "WEB_METRICS_PORT": str(probes)}
    with subprocess.Popen([sys.executable, *command], env=environment | ports) as process:
        try:
            eventually(
                lambda: None not in (asked(probes, "/livez", 1), asked(port, "/admin/login/", 1)),
                within=60,
                what="an answer from web",
                every=0.2,
            )
            yield port, probes
        finally:
            process.terminate()


def asked(port: int, path: str, within: float) -> float | None:
    """Milliseconds until the whole answer, or None."""
    began = monotonic()
    client = HTTPConnection(LOOPBACK, port, timeout=within)
    try:
        client.request("GET", path)
        client.getresponse().read()
    except (OSError, HTTPException):
        return None
    finally:
        client.close()
    return (monotonic() - began) * 1000
