"""Names what keeps a relay from the broker, for one line of its log."""

from switchyard.broker.claim import OthersVhost
from switchyard.broker.connection import AGREE, broker_address, is_of_tls


def trouble_with_broker(error: Exception) -> tuple[str, str]:
    """The event, and the reason with what mends it."""
    if isinstance(error, OthersVhost):
        return "vhost_of_another", str(error)
    where = broker_address()
    event, remedy = ("tls_refused", f". {AGREE}") if is_of_tls(error) else ("broker_away", "")
    return event, f"RabbitMQ at {where.host}:{where.port}: {error!r}{remedy}"
