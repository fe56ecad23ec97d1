"""Every broker that is named is reached by the driver that keeps the engine's promises."""

import pytest
from celery import Celery
from kombu import Connection

from switchyard.broker.drivers import broker_options


@pytest.mark.parametrize(
    "said",
    [
        "amqp://u:p@a/v;amqp://u:p@b/v",
        "pyamqp://u:p@a/v;amqp://u:p@b/v",
        "amqp://u:p@a/v;pyamqp://u:p@b/v",
        "amqp://u:p@a/v; amqp://u:p@b/v",
        ["amqp://u:p@a/v", "pyamqp://u:p@b/v"],
    ],
)
def test_of_several_brokers_none_is_left_with_a_driver_that_may_change(said: object) -> None:
    app = Celery(set_as_current=False, broker_url=said)
    assert broker_options(app.conf) == {"broker_url": "pyamqp://u:p@a/v;pyamqp://u:p@b/v"}


@pytest.mark.parametrize("said", ["pyamqp://u:p@a/v", "amqps://u:p@a/v", "redis://h", "", None])
def test_what_names_its_driver_is_left_as_it_is(said: object) -> None:
    assert "broker_url" not in broker_options(Celery(set_as_current=False, broker_url=said).conf)


def test_tls_by_one_url_of_several_compares_the_name_of_the_certificate() -> None:
    app = Celery(set_as_current=False, broker_url="amqps://u:p@a/v;amqp://u:p@b/v")
    assert broker_options(app.conf) == {
        "broker_url": "amqps://u:p@a/v;pyamqp://u:p@b/v",
        "broker_use_ssl": {"server_hostname": None},
    }


def test_an_ipv6_literal_keeps_its_brackets_where_a_broker_is_switched_to() -> None:
    app = Celery(set_as_current=False, broker_url="amqp://u:p@[fe80::1]:1/v;amqp://u:p@[::1]:5672/v")
    link = Connection(broker_options(app.conf)["broker_url"])
    assert (link.hostname, link.port) == ("fe80::1", 1)
    link.switch(link.alt[1])
    assert (link.hostname, link.port, link.virtual_host) == ("::1", 5672, "v")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("librabbitmq://", "librabbitmq://u:p@a/v;librabbitmq://u:p@b/v"),
        ("librabbitmq://u:p@b/v", "librabbitmq://u:p@b/v"),
        ("amqp://u:p@b/v", "pyamqp://u:p@b/v"),
        ("", "pyamqp://u:p@a/v;pyamqp://u:p@b/v"),
    ],
)
def test_workers_read_by_the_driver_that_is_asked_for_and_all_else_is_published_by_py_amqp(
    said: str, read: str
) -> None:
    app = Celery(set_as_current=False, broker_url="amqp://u:p@a/v;amqp://u:p@b/v", broker_read_url=said)
    app.conf.update(broker_options(app.conf))
    assert app.conf.broker_read_url == read
    assert app.conf.broker_write_url == "pyamqp://u:p@a/v;pyamqp://u:p@b/v"


def test_a_read_url_leaves_a_role_without_a_broker_without_one() -> None:
    app = Celery(set_as_current=False, broker_url="none", broker_read_url="librabbitmq://")
    assert broker_options(app.conf) == {"broker_read_url": "none"}
