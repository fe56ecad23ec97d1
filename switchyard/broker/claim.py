"""Marks a vhost as one installation's, and tells whose it is.

Two that share one take each other's tasks, whose rows are in the other's database, and each removes the
other's policies. So a vhost is one installation's: that which applied its topology first. The mark is an
exchange that nothing is sent to. It has the installation's identity in its name, so that who has no more than
a right to it can ask for it; a second one, of a fixed name, tells a vhost of another's from one that nobody
has marked, as a release before this one leaves it.
"""

from collections.abc import Iterator
from typing import Any

from amqp.exceptions import AccessRefused, NotAllowed, NotFound

from switchyard.broker.definitions import Exchange, Topology
from switchyard.conf import conf

MARKED = "switchyard.installation"


class OthersVhost(NotAllowed):
    """The vhost is another installation's. Waiting mends it no more than a vhost that is not there."""


def marks(identity: str) -> list[Exchange]:
    """In the order in which they are made: ours never meet the second alone. None without an identity."""
    return [Exchange(f"{MARKED}.{identity}", "fanout"), Exchange(MARKED, "fanout")] if identity else []


def others(declared: Topology, live: Topology) -> Iterator[Exchange]:
    """The marks of other installations, where our own is declared."""
    if f"exchange {MARKED}" not in declared:
        return
    for name, thing in live.items():
        if isinstance(thing, Exchange) and thing.name.startswith(f"{MARKED}.") and name not in declared:
            yield thing


def whose(mark: Exchange) -> str:
    """In words."""
    identity = mark.name.removeprefix(f"{MARKED}.")
    return f"the mark of another installation, whose database got the engine's tables at {identity} (UTC)"


def remedy() -> str:
    return (
        "give this installation a vhost of its own (rabbitmqctl add_vhost, BROKER_URL). If the other is no "
        "more, or its database was replaced by this one: stop what still works here, then run "
        f"`{conf.COMMAND} topology apply --take-over`, and what waits in the queues is this one's"
    )


def look(connection: Any, identity: str) -> None:
    """Raise OthersVhost if that is what an open connection of kombu's leads to.

    Nothing is said of a vhost that nobody has marked, to who has no right to the marks, or without identity.
    """
    if not identity or _is_there(connection, f"{MARKED}.{identity}") is not False:
        return
    if _is_there(connection, MARKED):
        raise OthersVhost(
            f"the vhost {connection.virtual_host!r} is another installation's (it has no exchange "
            f"{MARKED}.{identity}); `{conf.COMMAND} topology check` says whose"
        )


def _is_there(connection: Any, name: str) -> bool | None:
    """None if it may not be known."""
    channel = connection.channel()
    try:
        channel.exchange_declare(name, "fanout", passive=True)
    except NotFound:
        return False
    except AccessRefused:
        return None
    finally:
        # py-amqp opens it again where the broker has closed it; of few channels it would be one.
        channel.close()
    return True
