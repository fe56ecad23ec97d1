"""Opens a connection to the broker within seconds, or says in a sentence why there is none."""

import re
from ssl import SSLError
from typing import Any

from amqp.exceptions import AccessRefused, NotAllowed
from kombu import Connection
from kombu.exceptions import OperationalError

from switchyard.broker.address import BrokerAddress, address
from switchyard.celery import attached
from switchyard.deadline import CONNECT_SECONDS
from switchyard.outage import NotYet, Unavailable, first_line

RAISE_THE_LIMIT = (
    "End some, or have the limit raised (rabbitmqctl set_user_limits, set_vhost_limits, or "
    "channel_max, of which a worker takes 3)."
)
GRANT = "Grant the user that right on what is named there (rabbitmqctl set_permissions)."
AGREE = (
    "amqps:// is for a port that speaks TLS, with a certificate for that name, in date (by this machine's "
    "clock) and of an authority that SSL_CERT_FILE has; pyamqp:// is for one that does not. Correct "
    "BROKER_URL, or the certificate; where the broker asks for one of ours (broker_use_ssl), that too."
)


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
    try:
        return unopened().ensure_connection(max_retries=1, timeout=CONNECT_SECONDS, interval_start=0)
    except (AccessRefused, NotAllowed, OperationalError, OSError) as error:
        raise explained(error) from error


def explained(error: Exception) -> NotYet | Unavailable:
    """What the broker, or the way to it, refuses, in a sentence; NotYet if time may mend it."""
    where = broker_address()
    server = f"RabbitMQ at {where.host}:{where.port}"
    if is_over_limit(error):
        return NotYet(f"{server} allows no more ({first_line(error)}). {RAISE_THE_LIMIT}")
    if lacks_right(error):
        return Unavailable(f"{server} does not let {where.user!r} do this ({first_line(error)}). {GRANT}")
    if isinstance(error, AccessRefused):
        return Unavailable(
            f"{server} refused the user {where.user!r}: wrong name or password. Correct BROKER_URL."
        )
    if isinstance(error, NotAllowed):
        return Unavailable(
            f"{server} has no vhost {where.vhost!r}, or {where.user!r} may not enter it. "
            "Create the vhost and its permissions, or correct BROKER_URL."
        )
    if is_of_tls(error):
        return NotYet(f"{server} and this end do not agree on TLS ({first_line(error)}). {AGREE}")
    return NotYet(f"{server} did not answer ({first_line(error)}). Start it or correct BROKER_URL.")


def is_over_limit(error: Exception) -> bool:
    """Whether a limit is reached, of connections, channels or queues, of a vhost, a user or a node.

    RabbitMQ refuses it by the same code as a vhost that is not there, or a queue of another type; only its
    words tell them apart: ``limit (1) is reached``, ``limit in vhost 'v' (1) is reached``, and of channels
    ``user limit of (1)`` in 3.10, ``user limit of 1`` in 4.3. The channels of one connection (the broker's
    channel_max) are counted by py-amqp.
    """
    return re.search(r"\blimit (?:of |in vhost '.*' )?\(?\d+|\bchannel_max=\d+", str(error)) is not None


def is_of_tls(error: BaseException | None) -> bool:
    """Whether it, or what it came from, is that the two ends did not agree on TLS."""
    while error is not None and not isinstance(error, SSLError):
        error = error.__cause__ or error.__context__
    return error is not None


def lacks_right(error: Exception) -> bool:
    """Whether the user may not use an exchange or queue. A wrong password has the same code."""
    return isinstance(error, AccessRefused) and "access to " in str(error)
