"""Bounds how long a connection waits for a server that says nothing any more.

Without it a connect to an address that is gone lasts two minutes, and a statement on a connection whose other
end is gone a quarter of an hour. A server that is there and computes is waited for as long as it takes: the
kernel answers for it.
"""

from typing import Any

from switchyard.deadline import CONNECT_SECONDS

#: Parameters of libpq: seconds, but of ``tcp_user_timeout`` milliseconds. Those of a connection by TCP.
TIMEOUTS = {
    # To each address of each host, the answer to the login included.
    "connect_timeout": CONNECT_SECONDS,
    # While nothing is under way: 8 s.
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    # While something is.
    "tcp_user_timeout": 6000,
}


class Timeouts:
    """For a backend of PostgreSQL's; ``DatabaseMixin`` has it. OPTIONS, and so the URL, say otherwise."""

    def get_connection_params(self: Any) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()  # type: ignore[misc]
        return TIMEOUTS | parameters
