"""What a broker URL says, and that its password stays in it."""

import pytest
from kombu import Connection

from switchyard.broker.address import BrokerAddress, address, management_url


@pytest.mark.parametrize(
    "url",
    [
        "pyamqp://user:secret@broker:1234/yard",
        "pyamqp://user:s%2Fcret@broker:1234/a%2Fb",
        "pyamqp://user:secret@broker",
        "pyamqp://user:secret@broker/",
        "pyamqp://user:secret@broker//",
        "pyamqp://user:secret@broker/%2F",
        "pyamqp://broker/yard",
        "pyamqp://user:secret@first/yard;pyamqp://user:secret@second/yard",
    ],
)
def test_an_address_is_read_as_kombu_reads_it(url: str) -> None:
    theirs = Connection(url).info()
    ours = address(url)
    assert (ours.host, ours.vhost) == (theirs["hostname"], theirs["virtual_host"])
    assert ours.port == theirs["port"]
    assert ours.user == theirs["userid"]


def test_an_address_is_shown_without_its_password() -> None:
    shown = str(address("pyamqp://user:secret@broker:1234/yard"))
    assert shown == "amqp broker:1234/yard"


def test_an_ipv6_address_is_shown_in_brackets() -> None:
    assert str(BrokerAddress("::1", 5672, "user", "yard")) == "amqp [::1]:5672/yard"


def test_tls_has_a_port_of_its_own() -> None:
    assert address("amqps://broker/yard").port == 5671


@pytest.mark.parametrize(
    "url", ["", "broker:5672", "pyamqp://user:hun/ter2@broker:1234/yard", "pyamqp://u:hun[ter2@broker/yard"]
)
def test_a_url_that_names_no_broker_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match="BROKER_URL must have the form") as refused:
        address(url)
    assert "hun" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("pyamqp://u:p@mq/v", "http://u:p@mq:15672"),
        ("amqps://u:p@mq/v", "https://u:p@mq:15671"),
        ("pyamqp://u:p@a/v;pyamqp://u:p@b/v", "http://u:p@a:15672"),
        ("pyamqp://u:p@[::1]:5672/v", "http://u:p@[::1]:15672"),
    ],
)
def test_the_management_address_follows_the_broker(url: str, expected: str) -> None:
    assert management_url(url) == expected
