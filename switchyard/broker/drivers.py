"""Says by which driver each of Celery's broker URLs is opened.

``amqp`` changes its driver as soon as ``librabbitmq`` can be imported, so it is always made ``pyamqp``. What
a worker reads by may be ``librabbitmq``, whose other parts are those of ``broker_url``.
"""

from collections.abc import Mapping
from typing import Any

PY_AMQP, C_CLIENT = "pyamqp", "librabbitmq"
#: The address by itself: as ``broker_url``, by the C client.
SAME_BY_C = f"{C_CLIENT}://"


def broker_options(conf: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from what Celery's configuration says. Celery takes a list of URLs as well.

    py-amqp compares the certificate's name only with one that it is given. None is that of the URL; of
    several hosts it is the first one's, which the certificates of the others must have too.
    """
    said = {name: _joined(conf.get(name)) for name in ("broker_url", "broker_read_url", "broker_write_url")}
    found = {name: by_name(url) for name, url in said.items()}
    if found["broker_read_url"] == SAME_BY_C:
        found["broker_read_url"] = by_c(found["broker_url"])
    options: dict[str, Any] = {name: url for name, url in found.items() if url != (conf.get(name) or "")}
    if found["broker_url"].startswith("amqps://") and not conf.get("broker_use_ssl"):
        options["broker_use_ssl"] = {"server_hostname": None}
    return options


def addresses(urls: str) -> list[str]:
    """Of one or several, which kombu separates by ``;``."""
    return [each for each in map(str.strip, urls.split(";")) if each]


def by_name(urls: str) -> str:
    return ";".join(f"py{each}" if each.startswith("amqp://") else each for each in addresses(urls))


def by_c(urls: str) -> str:
    """The same brokers; one that speaks TLS stays as it is, for the C client does not."""
    return ";".join(each.replace(f"{PY_AMQP}://", SAME_BY_C, 1) for each in addresses(urls))


def driver(url: str) -> str:
    """Empty where the URL names none, which is py-amqp then."""
    scheme, separator, _ = url.partition("://")
    return scheme if separator else ""


def _joined(said: Any) -> str:
    return said if isinstance(said, str) else ";".join(said or ())
