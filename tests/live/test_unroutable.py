"""What has no queue any more: it lands where it is counted and can be moved, and holds nothing else up."""

import json
from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any

import pytest
from amqp.exceptions import ChannelError
from django.core.management import call_command
from kombu.transport.native_delayed_delivery import calculate_routing_key, level_name

from app.celery import app
from switchyard.outbox.models import Message as Row
from switchyard.queues import EXCHANGE, UNROUTABLE
from tests.live.broker import waiting
from tests.live.processes import Processes, eventually
from tests.malformed import Draft, valid

pytestmark = pytest.mark.every_broker

#: RabbitMQ's dead lettering has 32 messages of a queue in hand at most; those it has no queue for stay there.
MORE_THAN_IN_HAND = 40


def delayed(channel: Any, queue: str, seconds: int, draft: Draft) -> None:
    """As Celery publishes a countdown."""
    key = calculate_routing_key(seconds, queue)
    channel.basic_publish(draft.message("m"), exchange=level_name(27), routing_key=key, mandatory=True)


def removed_route(channel: Any) -> tuple[str, int, int]:
    """A release that renamed the route, and with whose topology the old binding went."""
    return "renamed", 1, 3


def removed_queue(channel: Any) -> tuple[str, int, int]:
    """A queue deleted by hand: the delayed messages' way leads to the exchange, and no further."""
    channel.queue_delete("cpu")
    return "cpu", 1, 3


def removed_level(channel: Any) -> tuple[str, int, int]:
    """One of the queues of delayed delivery: 3 s are 2 s and then 1 s, which is not there."""
    channel.queue_delete(level_name(0))
    return "io", 3, 2


@pytest.mark.parametrize("remove", [removed_route, removed_queue, removed_level])
def test_countdowns_without_a_queue_land_and_hold_up_nobody(
    yard: Processes, channel: Any, remove: Callable[[Any], tuple[str, int, int]]
) -> None:
    queue, seconds, others = remove(channel)
    for number in range(MORE_THAN_IN_HAND):
        delayed(channel, queue, seconds, valid("gallery.io_wait", f"lost-{number}"))
    app.tasks["gallery.io_wait"].apply_async(args=("others",), countdown=others)
    eventually(lambda: waiting(channel, "io") == 1, within=30, what="the countdown of others")
    eventually(lambda: waiting(channel, UNROUTABLE) == MORE_THAN_IN_HAND, within=30, what="the rest")


def test_a_publish_without_a_queue_is_returned_to_its_publisher(yard: Processes, channel: Any) -> None:
    """Who can be told keeps the message: with an alternate exchange for all it would count as accepted."""
    channel.queue_delete("io")
    with pytest.raises(ChannelError, match="NO_ROUTE"):
        channel.basic_publish(valid("gallery.io_wait", "x").message("m"), EXCHANGE, "io", mandatory=True)
    assert waiting(channel, UNROUTABLE) == 0


def test_what_found_no_queue_is_found_moved_and_discarded(yard: Processes, channel: Any) -> None:
    deadletters = partial(call_command, "switchyard", "deadletters")
    channel.queue_delete("io.dead")
    channel.basic_publish(valid("gallery.io_wait", "dead").message("m"), EXCHANGE, "io")
    taken = eventually(lambda: channel.basic_get("io"), what="a message to reject")
    channel.basic_reject(taken.delivery_tag, requeue=False)
    for key in ("moved", "discarded"):
        delayed(channel, "removed", 1, valid("gallery.cpu_wait", key, retries=3))
    eventually(lambda: waiting(channel, UNROUTABLE) == 3, within=30, what="all three")
    call_command("switchyard", "topology", "apply", verbosity=0)

    listed = StringIO()
    deadletters("list", "--queue=unroutable", "--json", stdout=listed)
    letters = {letter["id"]: letter for letter in map(json.loads, listed.getvalue().splitlines())}
    assert {key: letter["reason"] for key, letter in letters.items()} == {
        "dead": "rejected",
        "moved": UNROUTABLE,
        "discarded": UNROUTABLE,
    }
    assert letters["moved"]["error"] == "found no queue removed"

    deadletters("replay", "--id=moved", "--to=io", "--yes", stdout=StringIO())
    deadletters("replay", "--id=dead", "--yes", stdout=StringIO())
    deadletters("discard", "--id=discarded", "--yes", stdout=StringIO())
    assert waiting(channel, UNROUTABLE) == 0
    rows = {row.task_id: row for row in Row.objects.all()}
    assert {key: row.queue for key, row in rows.items()} == {"moved": "io", "dead": "io"}
    assert json.loads(rows["moved"].headers)["retries"] == 3
    assert json.loads(rows["dead"].headers)["retries"] == 0
