"""Checks the broker's URLs and the drivers that they ask for: yard.E11.

What is published goes by ``broker_url`` (or ``broker_write_url``); what a worker reads comes by
``broker_read_url``.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.core.checks import Error

from switchyard.broker.address import address
from switchyard.broker.drivers import C_CLIENT, PY_AMQP, SAME_BY_C, addresses, driver
from switchyard.celery import attached

WRITE = "Write BROKER_URL=pyamqp://user:password@host:5672/vhost, or amqps:// for TLS."
READ = f"Leave BROKER_READ_URL out, or write BROKER_READ_URL={SAME_BY_C} for the broker of BROKER_URL."
INSTALL = 'pip install "switchyard[librabbitmq]"; there are builds for CPython on Linux with x86_64.'
SERVE = {PY_AMQP, "amqps", ""}


def published_work_is_confirmed() -> Iterator[Error]:
    conf = attached().conf
    yield from _faults("BROKER_URL", conf.broker_url, SERVE, WRITE)
    if conf.broker_write_url != conf.broker_url:
        yield from _faults("BROKER_WRITE_URL", conf.broker_write_url, SERVE, WRITE)


def workers_can_read() -> Iterator[Error]:
    conf = attached().conf
    url = conf.broker_read_url
    if url == conf.broker_url:
        return
    faults = list(_faults("BROKER_READ_URL", url, SERVE | {C_CLIENT}, READ))
    yield from faults
    if not faults:
        yield from _other_vhost(url, conf.broker_url)
        yield from _c_client_cannot_read(url, conf)


def _faults(name: str, urls: str, drivers: set[str], hint: str) -> Iterator[Error]:
    """Of the first URL that has any. Not left to kombu, whose error quotes a part of the password."""
    for url in addresses(urls) or [""]:
        if driver(url) not in drivers:
            yield _error(f"{name} asks for {driver(url)}://, which {_why_not(driver(url))}.", hint)
            return
        try:
            address(url)
        except ValueError as error:
            yield _error(str(error).replace("BROKER_URL", name), hint)
            return


def _why_not(asked: str) -> str:
    if asked == C_CLIENT:
        return "has no publisher confirms, so accepted work could be lost; workers can read by it"
    return "is not an AMQP driver the engine knows"


def _other_vhost(urls: str, published: str) -> Iterator[Error]:
    theirs, ours = address(urls).vhost, address(published).vhost
    if theirs != ours:
        yield _error(
            f"BROKER_READ_URL leads to the vhost {theirs!r} and BROKER_URL to {ours!r}: workers would wait "
            "in one for what is sent to the other.",
            READ,
        )


def _c_client_cannot_read(urls: str, conf: Any) -> Iterator[Error]:
    if C_CLIENT not in map(driver, addresses(urls)):
        return
    if find_spec(C_CLIENT) is None:
        yield _error(f"BROKER_READ_URL asks for {SAME_BY_C}, and the package is not installed.", INSTALL)
    if conf.broker_use_ssl:
        yield _error(
            f"BROKER_READ_URL asks for {SAME_BY_C}, which knows no TLS; BROKER_URL or broker_use_ssl does.",
            "Leave BROKER_READ_URL out.",
        )


def _error(message: str, hint: str) -> Error:
    return Error(message, hint=hint, id="yard.E11")


RULES = (published_work_is_confirmed, workers_can_read)
