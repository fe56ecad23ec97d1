"""Says which versions of what run here."""

import platform
from importlib.metadata import PackageNotFoundError, version

from switchyard.doctor.look import Found, Look

#: What the engine works with; which versions it takes is in its package's own metadata.
PACKAGES = (
    "switchyard",
    "django",
    "celery",
    "kombu",
    "amqp",
    "psycopg",
    "django-celery-beat",
    "django-celery-results",
    "gunicorn",
    "prometheus-client",
)


def looks() -> list[Look]:
    return [Look("versions", _said)]


def versions() -> dict[str, str]:
    """Name to version. The engine itself may be here as a folder, as in the service's image."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _said() -> Found:
    return Found(", ".join(f"{name} {found}" for name, found in versions().items()))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(from its folder)"
