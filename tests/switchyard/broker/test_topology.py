"""What is declared, in which order, and how a difference is worded."""

import json
import re
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from switchyard.broker.comparison import differences
from switchyard.broker.definitions import Binding, Exchange, Policy, Queue, Topology
from switchyard.broker.difference import Mend
from switchyard.broker.topology import declared, version_of
from switchyard.queues import UNROUTABLE_EXCHANGE
from switchyard.routing import QUEUES


def test_a_broker_that_is_as_declared_has_no_difference() -> None:
    assert differences(declared(), declared()) == []


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_can_fail_into_a_dead_letter_queue_that_keeps(queue: str) -> None:
    topology, spec = declared(), QUEUES[queue]
    policy = topology[f"policy switchyard-{queue}"]
    assert isinstance(policy, Policy)
    exchange, key = policy.definition["dead-letter-exchange"], policy.definition["dead-letter-routing-key"]
    assert f"binding {exchange} -> queue {spec.dead_letter_queue} by {key}" in topology
    keeping = topology[f"policy switchyard-{spec.dead_letter_queue}"]
    assert isinstance(keeping, Policy)
    assert keeping.definition.keys() == {"delivery-limit", "overflow", "max-length"}
    assert keeping.definition["overflow"] == "reject-publish"


def test_every_queue_that_refuses_has_a_length_so_that_it_takes_again_after_another_was_cleared() -> None:
    policies = [thing for thing in declared().values() if isinstance(thing, Policy)]
    refusing = [policy for policy in policies if policy.definition.get("overflow") == "reject-publish"]
    assert len(refusing) == 2 * len(QUEUES) + 2
    assert all(policy.definition["max-length"] > 0 for policy in refusing)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_policy_covers_its_own_queue_and_no_other(queue: str) -> None:
    policy = declared()[f"policy switchyard-{queue}"]
    assert isinstance(policy, Policy)
    queues = [thing.name for thing in declared().values() if isinstance(thing, Queue)]
    assert [name for name in queues if re.search(policy.pattern, name)] == [queue]


def test_every_queue_has_a_policy_that_is_declared() -> None:
    topology = declared()
    queues = [thing for thing in topology.values() if isinstance(thing, Queue)]
    assert all(f"policy {queue.policy}" in topology for queue in queues)


def test_a_thing_comes_after_what_it_needs() -> None:
    seen: set[str] = set()
    for name, thing in declared().items():
        match thing:
            case Queue():
                assert f"policy {thing.policy}" in seen
            case Binding():
                assert {
                    f"exchange {thing.source}",
                    f"{thing.destination_type} {thing.destination}",
                } <= seen
        if isinstance(thing, Queue) and thing.name in QUEUES:
            assert f"queue {QUEUES[thing.name].dead_letter_queue}" in seen
        seen.add(name)


@pytest.mark.parametrize(("version", "known"), [("3.10.8", False), ("3.12.0", True), ("4.3.6", True)])
def test_the_consumer_timeout_is_a_policy_where_the_broker_knows_it(version: str, known: bool) -> None:
    policy = declared(version_of(version))["policy switchyard-io"]
    assert isinstance(policy, Policy)
    assert ("consumer-timeout" in policy.definition) == known
    assert policy.definition.get("consumer-timeout") in {None, QUEUES["io"].consumer_timeout_seconds * 1000}


@pytest.mark.parametrize(
    ("text", "version"),
    [("3.10.8", (3, 10)), ("4.4.0-rc.1", (4, 4)), ("3.13.7+14.g1a2b", (3, 13)), ("nonsense", ())],
)
def test_a_version_is_read_as_far_as_it_is_compared(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version


def test_a_difference_says_what_was_expected_what_is_there_and_what_to_do() -> None:
    [difference] = differences(declared(), live(Policy("switchyard-io", "^io$", {"max-length": 7}, 10)))
    line = str(difference)
    assert line.startswith("policy switchyard-io: expected dead-letter-exchange tasks.dead, ")
    assert "max-length 2000000" in line.partition("found")[0]
    assert "no delivery-limit" in line.partition("found")[2]
    assert line.endswith("run `python -m app topology apply`")


def test_a_policy_in_force_is_not_looked_at_while_our_own_is_still_missing() -> None:
    topology = live(replace(queue("io"), policy=None))
    del topology["policy switchyard-io"]
    assert [str(item.thing) for item in differences(declared(), topology)] == ["policy switchyard-io"]


def test_what_the_operator_policy_changes_is_told_apart_from_what_we_declared() -> None:
    overlay = Policy("lower", ".*", {"max-length": 9, "message-ttl": 5, "delivery-limit": 99}, 3)
    [difference] = differences(declared(), live(replace(queue("io"), overlay=overlay)))
    assert (difference.expected, difference.found) == (
        "max-length 2000000, delivery-limit 1000000, no message-ttl",
        "max-length 9, delivery-limit 99, message-ttl 5",
    )
    assert difference.mend is Mend.REFUSE
    assert difference.remedy.startswith("the operator policy lower (priority 3, pattern .*) decides")


def test_an_operator_policy_that_changes_nothing_is_no_difference() -> None:
    overlay = Policy("higher", ".*", {"max-length": 9_000_000}, 3)
    assert differences(declared(), live(replace(queue("io"), overlay=overlay))) == []


def test_each_exchange_that_can_hold_up_others_has_somewhere_to_put_what_has_no_queue() -> None:
    exchanges = [thing for thing in declared().values() if isinstance(thing, Exchange)]
    [policy] = [
        thing
        for thing in declared().values()
        if str(thing).endswith(UNROUTABLE_EXCHANGE) and isinstance(thing, Policy)
    ]
    assert policy.definition == {"alternate-exchange": UNROUTABLE_EXCHANGE}
    assert {exchange.name for exchange in exchanges if exchange.policy != policy.name} == {
        UNROUTABLE_EXCHANGE
    }


def test_another_policy_on_an_exchange_is_found_and_named() -> None:
    theirs = Policy("theirs", "^celery_", {"alternate-exchange": "x"}, 99, "exchanges")
    exchange = declared()["exchange celery_delayed_3"]
    assert isinstance(exchange, Exchange)
    topology = live(replace(exchange, policy="theirs")) | {str(theirs): theirs}
    [difference] = differences(declared(), topology)
    assert difference.found == "policy theirs (priority 99, pattern ^celery_)"


def test_show_prints_every_queue_and_folds_delayed_delivery() -> None:
    shown = run("show")
    assert re.search(r"io\.dead +quorum +switchyard-io\.dead", shown)
    assert "28 quorum queues celery_delayed_27 to celery_delayed_0" in shown
    assert "*.0.#" not in shown


def test_show_as_json_holds_everything() -> None:
    shown = json.loads(run("show", "--json"))
    assert sum(map(len, shown.values())) == len(declared())
    assert {"name": "io", "policy": "switchyard-io", "x-queue-type": "quorum"}.items() <= next(
        queue for queue in shown["queues"] if queue["name"] == "io"
    ).items()


@pytest.mark.parametrize("arguments", [[], ["mend"], ["check", "--replace-empty"]])
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="Error: "):
        run(*arguments)


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("switchyard", "topology", *arguments, stdout=output)
    return output.getvalue()


def queue(name: str) -> Queue:
    thing = declared()[f"queue {name}"]
    assert isinstance(thing, Queue)
    return thing


def live(thing: Policy | Queue) -> Topology:
    """A broker that is as declared but for one thing."""
    return declared() | {str(thing): thing}
