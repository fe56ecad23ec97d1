"""Opens a connection to the broker within seconds, or says in a sentence why there is none."""

from typing import Any

from amqp.exceptions import AccessRefused, NotAllowed
from kombu import Connection
from kombu.exceptions import OperationalError

from switchyard.broker.address import BrokerAddress, address
from switchyard.celery import attached
from switchyard.deadline import CONNECT_SECONDS
from switchyard.outage import NotYet, Unavailable, first_line


def broker_url() -> str:
    """As Celery has it. It holds the password."""
    url: str = attached().conf.broker_url
    return url


def broker_address() -> BrokerAddress:
    return address(broker_url())


def unopened(**transport_options: Any) -> Connection:
    """A connection of one's own, for ``ensure_connection``."""
    conf = attached().conf
    return Connection(
        conf.broker_url,
        connect_timeout=CONNECT_SECONDS,
        ssl=conf.broker_use_ssl,
        transport_options={**conf.broker_transport_options, **transport_options},
    )


def opened() -> Connection:
    """An open connection. Raises NotYet, or Unavailable for what no time mends."""
    where = broker_address()
    try:
        return unopened().ensure_connection(max_retries=1, timeout=CONNECT_SECONDS, interval_start=0)
    except AccessRefused as error:
        raise Unavailable(
            f"RabbitMQ at {where.host}:{where.port} refused the user {where.user!r}: wrong name or password. "
            "Correct BROKER_URL."
        ) from error
    except NotAllowed as error:
        if is_over_limit(error):
            raise NotYet(
                f"RabbitMQ at {where.host}:{where.port} takes no more connections ({first_line(error)}). "
                "End some, or have the limit raised."
            ) from error
        raise Unavailable(
            f"RabbitMQ at {where.host}:{where.port} has no vhost {where.vhost!r}, or {where.user!r} may not "
            "enter it. Create the vhost and its permissions, or correct BROKER_URL."
        ) from error
    except (OperationalError, OSError) as error:
        raise NotYet(
            f"RabbitMQ at {where.host}:{where.port} did not answer ({first_line(error)}). Start it or "
            "correct BROKER_URL."
        ) from error


def is_over_limit(error: Exception) -> bool:
    """Whether it is a limit of connections or channels that is reached, of a vhost, a user or a node.

    RabbitMQ refuses it by the same code as a vhost that is not there; only its words tell them apart.
    """
    return "limit (" in str(error)
