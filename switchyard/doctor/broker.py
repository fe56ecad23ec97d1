"""Looks at the broker: both its ports, its nodes, its clock, and whether it has what is declared."""

from datetime import UTC, datetime
from typing import Any

from switchyard.broker.comparison import differences
from switchyard.broker.connection import broker_address, opened
from switchyard.broker.live import live_topology
from switchyard.broker.management import Management
from switchyard.broker.topology import declared, version_of
from switchyard.conf import conf
from switchyard.doctor.database import apart
from switchyard.doctor.look import Found, Look, NotSeen
from switchyard.installation import identity
from switchyard.postgresql.limits import in_limits

#: Differences that are named.
MOST = 3
#: In the BROKER_URL of web and beat.
NOBODY = "none"


def looks() -> list[Look]:
    return [
        Look("broker", connection),
        Look("broker nodes", nodes),
        Look("broker clock", clock),
        Look("topology and policies", topology),
    ]


def connection() -> Found:
    _known()
    where = broker_address()
    with opened() as link:
        told: Any = link.connection.server_properties
    return Found(f"RabbitMQ {told.get('version', '?')} lets {where.user!r} into {where}")


def nodes() -> Found:
    with open_management() as management:
        found = management.nodes()
        version = management.version()
    lines = [
        f"{node['name']} has {_mb(node['mem_used'])} of {_mb(node['mem_limit'])} memory and "
        f"{_mb(node['disk_free'])} of disk free"
        for node in found
        if node["running"]
    ]
    says = f"RabbitMQ {version}: {'; '.join(lines)}"
    away = [node["name"] for node in found if not node["running"]]
    short = [node["name"] for node in found if node.get("mem_alarm") or node.get("disk_free_alarm")]
    if away:
        return Found(f"{says}; not running: {', '.join(away)}", "Bring the node back with its disk.")
    if short:
        return Found(
            f"{says}; {', '.join(short)} takes nothing, for want of memory or disk",
            f"Have workers drain what waits (`{conf.COMMAND} queues`), or give it more. Purge nothing.",
        )
    return Found(says)


def clock() -> Found:
    """Of the node that answers, by the second."""
    with open_management() as management:
        told = management.clock()
    return apart("the broker's clock", (told - datetime.now(UTC)).total_seconds())


def topology() -> Found:
    with open_management() as management:
        wanted = declared(version_of(management.version()), in_limits(identity)())
        found = differences(wanted, live_topology(management))
    if not found:
        return Found(f"all {len(wanted)} exchanges, queues, bindings and policies are as declared")
    named = "; ".join(map(str, found[:MOST]))
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    return Found(
        f"{named}{more}",
        f"Run `{conf.COMMAND} topology apply`.",
    )


def open_management() -> Management:
    _known()
    return Management.from_settings(timeout_seconds=4)


def _known() -> None:
    """Raises NotSeen where the settings know no broker, as those of web and beat in a cluster."""
    if broker_address().host == NOBODY:
        raise NotSeen("These settings know no broker, as web's and beat's: stand in the toolbox.")


def _mb(size: Any) -> str:
    return f"{size / 1e6:,.0f} MB" if isinstance(size, int | float) else "?"
