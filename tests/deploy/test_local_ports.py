import socket
from collections.abc import Iterator

import pytest

from deploy.local.errors import LocalError
from deploy.local.ports import LOOPBACK, choose_port, free_ports, is_free, reserved


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


def test_free_ports_differ_and_lie_below_the_ephemeral_range() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(20_000 <= port < 32_768 for port in ports)
    assert all(is_free(port) for port in ports)


def test_a_port_somebody_listens_on_is_not_free(taken_port: int) -> None:
    assert not is_free(taken_port)


def test_a_usual_port_that_is_taken_is_replaced_and_said(taken_port: int) -> None:
    port, remark = choose_port("PORT", taken_port, {})
    assert port != taken_port
    assert remark is not None
    assert f"Port {taken_port} is taken, so {port} is used" in remark


def test_a_usual_port_that_is_free_is_taken_without_a_word() -> None:
    port = free_ports(1)[0]
    assert choose_port("PORT", port, {}) == (port, None)


def test_a_demanded_port_that_is_taken_is_an_error_that_names_the_variable(taken_port: int) -> None:
    with pytest.raises(LocalError, match=f"Port {taken_port} is taken: set EXPORTER_PORT"):
        choose_port("EXPORTER_PORT", 1, {"EXPORTER_PORT": str(taken_port)})


@pytest.mark.parametrize("value", ["", "0", "-1", "65536", "web", "80 "])
def test_a_demanded_port_must_be_a_port(value: str) -> None:
    with pytest.raises(LocalError, match="PORT must be a port between 1 and 65535"):
        choose_port("PORT", 8000, {"PORT": value})


def test_a_reserved_port_is_taken_until_the_reservation_is_closed() -> None:
    port = free_ports(1)[0]
    with reserved(port) as reservation:
        assert not is_free(port)
        reservation.close()
        assert is_free(port)
