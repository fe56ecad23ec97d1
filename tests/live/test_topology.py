"""The topology on a real broker: applied once, found again, mended, and never at the price of a message."""

import json
from collections import deque
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx
import pytest
from amqp import Message
from django.core.management import CommandError, call_command
from kombu import Connection
from kombu.exceptions import OperationalError

from app.celery import app
from app.queues import IO
from deploy.local.node import Node
from deploy.local.rabbitmq import Broker
from switchyard.broker.management import Management
from switchyard.metrics.state import read_yard
from switchyard.queues import DEAD_LETTER_EXCHANGE, EXCHANGE
from tests.gallery.models import Run
from tests.live.broker import Vhost
from tests.live.processes import Processes, eventually

pytestmark = [pytest.mark.every_broker, pytest.mark.django_db]

DEAD = IO.dead_letter_queue
CLASSIC = {"durable": True, "arguments": {"x-queue-type": "classic"}}


class Operator:
    """Somebody with the management API, who does not know what is declared."""

    def __init__(self, vhost: Vhost, http: httpx.Client) -> None:
        self.vhost = vhost
        self.http = http

    def put(self, path: str, **body: Any) -> None:
        self.http.put(self._address(path), json=body).raise_for_status()

    def post(self, path: str, **body: Any) -> Any:
        return self.http.post(self._address(path), json=body).raise_for_status().json

    def delete(self, path: str) -> None:
        self.http.delete(self._address(path)).raise_for_status()

    def get(self, path: str) -> Any:
        return self.http.get(self._address(path)).raise_for_status().json()

    def policy(self, name: str, pattern: str, priority: int, **definition: Any) -> None:
        where = {"pattern": pattern, "priority": priority, "apply-to": "queues"}
        self.put(f"policies/{name}", **where, definition=definition)

    def overlay(self, name: str, priority: int, **definition: Any) -> None:
        """An operator policy, for every queue."""
        where = {"pattern": ".*", "priority": priority, "apply-to": "queues"}
        self.put(f"operator-policies/{name}", **where, definition=definition)

    def send(self, queue: str) -> None:
        body = {"properties": {"delivery_mode": 2}, "payload": "x", "payload_encoding": "string"}
        self.post("exchanges/amq.default/publish", routing_key=queue, **body)

    def queues(self) -> set[str]:
        return {queue["name"] for queue in self.get("queues?columns=name")}

    def _address(self, path: str) -> str:
        kind, slash, rest = path.partition("/")
        kind, question, query = kind.partition("?")
        return f"/api/{kind}/{self.vhost.name}{slash}{rest}{question}{query}"


@pytest.fixture
def operator(vhost: Vhost) -> Iterator[Operator]:
    with httpx.Client(base_url=vhost.management_url, timeout=30, trust_env=False) as http:
        yield Operator(vhost, http)


@pytest.fixture
def applied(operator: Operator) -> Operator:
    apply()
    return operator


def topology(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON of a topology command."""
    output = StringIO()
    try:
        call_command("switchyard", "topology", *arguments, "--json", stdout=output)
    except CommandError as error:
        return error.returncode, json.loads(output.getvalue() or "{}")
    return 0, json.loads(output.getvalue())


def apply(*arguments: str) -> dict[str, Any]:
    code, changes = topology("apply", *arguments)
    assert code == (1 if changes["refused"] else 0)
    return changes


def check() -> dict[str, dict[str, str]]:
    """The differences by what they are about."""
    code, found = topology("check")
    assert code == (1 if found["differences"] else 0)
    return {difference["what"]: difference for difference in found["differences"]}


def test_apply_makes_an_empty_vhost_as_declared(operator: Operator) -> None:
    assert {"queue io", "queue io.dead", "queue celery_delayed_27", "policy switchyard-cpu"} <= check().keys()
    changes = apply()
    assert len(changes["created"]) == 139
    assert check() == {}


def test_a_second_apply_changes_nothing(applied: Operator) -> None:
    changes = apply()
    assert not any(changes[verb] for verb in ("created", "changed", "removed", "replaced", "refused", "kept"))
    assert changes["unchanged"] == 139


@pytest.mark.parametrize(
    ("gone", "what"),
    [
        ("queues/cpu", "queue cpu"),
        (f"queues/{DEAD}", f"queue {DEAD}"),
        ("queues/celery_delayed_3", "queue celery_delayed_3"),
        (f"exchanges/{DEAD_LETTER_EXCHANGE}", f"exchange {DEAD_LETTER_EXCHANGE}"),
        (f"bindings/e/{EXCHANGE}/q/io/io", "binding tasks -> queue io by io"),
        (f"bindings/e/{EXCHANGE}/q/io/%23.io", "binding tasks -> queue io by #.io"),
        (
            f"bindings/e/celery_delayed_delivery/e/{EXCHANGE}/%23.io",
            "binding celery_delayed_delivery -> exchange tasks by #.io",
        ),
        ("policies/switchyard-io", "policy switchyard-io"),
    ],
)
def test_what_somebody_deleted_is_found_and_mended(applied: Operator, gone: str, what: str) -> None:
    applied.delete(gone)
    found = check()
    assert (found[what]["found"], found[what]["mend"]) == ("nothing", "create")
    assert what in apply()["created"]
    assert check() == {}


def test_a_policy_that_somebody_changed_is_found_and_mended(applied: Operator) -> None:
    applied.policy("switchyard-io", "^io$", 10, **{"max-length": 7})
    found = check()["policy switchyard-io"]
    assert "max-length 2000000" in found["expected"]
    assert "max-length 7" in found["found"]
    assert "no delivery-limit" in found["found"]
    assert apply()["changed"] == ["policy switchyard-io"]
    assert check() == {}


@pytest.mark.parametrize("queue", ["io", DEAD, "celery_delayed_5"])
def test_a_foreign_policy_of_higher_priority_is_found_and_left_to_its_owner(
    applied: Operator, queue: str
) -> None:
    applied.policy("everything", ".*", 11, **{"message-ttl": 60_000})
    found = check()[f"queue {queue}"]
    assert found["found"] == "policy everything (priority 11, pattern .*)"
    assert "priority below 10" in found["remedy"]
    assert f"queue {queue}" in {refused["what"] for refused in apply()["refused"]}
    applied.delete("policies/everything")
    assert check() == {}


def test_a_foreign_policy_of_the_default_priority_decides_nothing(applied: Operator) -> None:
    applied.policy("everything", ".*", 0, expires=60_000)
    assert check() == {}


@pytest.mark.parametrize("queue", ["io", DEAD, "unroutable", "celery_delayed_5"])
def test_an_operator_policy_that_changes_a_limit_is_found_and_named(applied: Operator, queue: str) -> None:
    applied.overlay("lower", 3, **{"max-length": 9})
    found = check()[f"queue {queue}"]
    assert found["found"] == "max-length 9"
    assert found["remedy"].startswith("the operator policy lower (priority 3, pattern .*) decides")
    assert f"queue {queue}" in {refused["what"] for refused in apply()["refused"]}
    applied.overlay("lower", 3, **{"max-length": 3_000_000})
    assert "queue io" not in check()


def test_an_operator_policy_that_caps_every_queue_costs_no_dead_letter(applied: Operator) -> None:
    """As hosted brokers have one. What the capped queue refuses stays where it came from, is counted, and
    comes when the cap is gone. (3.10 leaves it there for good if no policy of ours has a length.)
    """
    for _ in range(10):
        applied.send("io")
    applied.overlay("cap", 0, **{"max-length": 3})
    with Connection(applied.vhost.url) as connection:
        channel = connection.default_channel
        for _ in range(10):
            channel.basic_reject(arrived(channel, "io").delivery_tag, requeue=False)
    eventually(lambda: held(applied.vhost, DEAD) >= 3, what="as many as it takes")
    # The capped queue notices that it is full a few messages late.
    eventually(lambda: 0 < (undelivered("io") or 0) == 10 - held(applied.vhost, DEAD), what="the others")
    applied.delete("operator-policies/cap")
    eventually(lambda: held(applied.vhost, DEAD) == 10, within=60, what="all of them")


def test_a_classic_queue_in_the_way_is_refused_unless_its_replacement_is_asked_for(
    operator: Operator,
) -> None:
    operator.put("queues/io", **CLASSIC)
    assert check()["queue io"]["found"] == "x-queue-type classic"
    [refused] = apply()["refused"]
    assert "--replace-empty" in refused["remedy"]
    assert apply("--replace-empty")["replaced"] == ["queue io"]
    assert check() == {}


def test_a_classic_queue_with_messages_is_never_deleted(operator: Operator) -> None:
    operator.put("queues/io", **CLASSIC)
    operator.send("io")
    [refused] = apply("--replace-empty")["refused"]
    assert "not empty" in refused["remedy"]
    assert "drain" in refused["remedy"]
    assert held(operator.vhost, "io") == 1


def test_a_classic_queue_that_is_consumed_is_never_deleted(operator: Operator) -> None:
    operator.put("queues/io", **CLASSIC)
    with Connection(operator.vhost.url) as connection:
        connection.default_channel.basic_consume("io", callback=lambda _: None)
        [refused] = apply("--replace-empty")["refused"]
    assert "in use" in refused["remedy"]
    assert "io" in operator.queues()


def test_a_quorum_queue_with_other_arguments_is_refused_with_the_way_out(operator: Operator) -> None:
    operator.put("queues/io", durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 5})
    [refused] = apply("--replace-empty")["refused"]
    assert (refused["expected"], refused["found"]) == ("no x-max-length", "x-max-length 5")
    assert "rabbitmqctl delete_queue io" in refused["remedy"]


def test_an_exchange_of_another_type_is_refused_with_the_way_out(operator: Operator) -> None:
    operator.put(f"exchanges/{EXCHANGE}", type="direct", durable=True)
    [refused] = apply()["refused"]
    assert (refused["expected"], refused["found"]) == ("type topic", "type direct")
    assert "delete it" in refused["remedy"]


def test_a_queue_that_is_no_longer_declared_keeps_its_messages_and_its_policies(applied: Operator) -> None:
    applied.put("queues/old", durable=True, arguments={"x-queue-type": "quorum"})
    applied.post(f"bindings/e/{EXCHANGE}/q/old", routing_key="old")
    applied.post(f"bindings/e/celery_delayed_delivery/e/{EXCHANGE}", routing_key="#.old")
    applied.policy("switchyard-old", "^old$", 10, **{"max-length": 7})
    applied.send("old")
    assert check().keys() == {"queue old", "policy switchyard-old"}
    assert {kept["what"] for kept in apply()["kept"]} == {"queue old", "policy switchyard-old"}
    assert held(applied.vhost, "old") == 1
    applied.delete("queues/old")
    assert sorted(apply()["removed"]) == [
        "binding celery_delayed_delivery -> exchange tasks by #.old",
        "policy switchyard-old",
    ]
    assert check() == {}


def test_a_binding_that_would_deliver_to_two_queues_is_removed(applied: Operator) -> None:
    applied.post(f"bindings/e/{EXCHANGE}/q/io", routing_key="cpu")
    assert check()["binding tasks -> queue io by cpu"]["mend"] == "remove"
    assert apply()["removed"] == ["binding tasks -> queue io by cpu"]
    assert check() == {}


def test_what_others_put_into_the_vhost_is_none_of_our_business(applied: Operator) -> None:
    applied.put("queues/theirs", **CLASSIC)
    applied.put("exchanges/theirs", type="fanout", durable=True)
    applied.post("bindings/e/theirs/q/theirs", routing_key="")
    applied.policy("theirs", "^theirs$", 99, **{"max-length": 7})
    assert check() == {}


def test_a_worker_adds_nothing_to_the_topology(yard: Processes) -> None:
    yard.worker("io")
    yard.worker("cpu")
    assert check() == {}


def test_a_countdown_published_before_the_first_worker_ran_is_delivered(yard: Processes) -> None:
    app.tasks["gallery.io_wait"].apply_async(args=("early",), countdown=1)
    yard.worker("io")
    run = eventually(lambda: Run.objects.filter(key="early", finished__isnull=False).first())
    assert run.queue == "io"


def test_a_full_queue_refuses_the_publish(applied: Operator) -> None:
    [declared] = [policy for policy in applied.get("policies") if policy["name"] == "switchyard-io"]
    applied.policy("switchyard-io", "^io$", 10, **declared["definition"] | {"max-length": 3})
    task = app.tasks["gallery.io_wait"]
    # The queue notices that it is full a few messages late.
    with pytest.raises(OperationalError):
        deque((task.delay(str(number)) for number in range(50)), maxlen=0)
    assert 3 <= held(applied.vhost, "io") < 50


def test_a_rejected_message_is_in_the_dead_letter_queue_with_its_reason(applied: Operator) -> None:
    applied.send("io")
    with Connection(applied.vhost.url) as connection:
        channel = connection.default_channel
        channel.basic_reject(arrived(channel, "io").delivery_tag, requeue=False)
        [death] = arrived(channel, DEAD).headers["x-death"]
    assert (death["queue"], death["reason"]) == ("io", "rejected")


def test_looking_thirty_times_loses_no_dead_letter(applied: Operator) -> None:
    applied.send(DEAD)
    with Connection(applied.vhost.url) as connection:
        channel = connection.default_channel
        for _ in range(30):
            channel.basic_reject(arrived(channel, DEAD).delivery_tag, requeue=True)
        assert arrived(channel, DEAD).headers["x-delivery-count"] == 30


def test_the_dead_letter_queues_appear_after_all_they_vouch_for(operator: Operator) -> None:
    created = apply()["created"]
    vouched = [what for what in created if what.startswith("policy ") or "celery_delayed_" in what]
    ours = [what for what in vouched if "exchange tasks" not in what]
    assert max(map(created.index, ours)) < created.index(f"queue {DEAD}") < created.index("queue io")


@pytest.mark.parametrize("wrong", ["port", "password", "vhost"])
def test_a_broker_that_cannot_be_asked_is_exit_code_3_and_one_sentence(
    vhost: Vhost, settings, wrong: str
) -> None:
    match wrong:
        case "port":
            settings.SWITCHYARD_BROKER_MANAGEMENT_URL = "http://user:secret@127.0.0.1:1"
        case "password":
            settings.SWITCHYARD_BROKER_MANAGEMENT_URL = vhost.management_url.replace("@", "secret@")
        case "vhost":
            settings.CELERY_BROKER_URL = f"{vhost.url}-missing"
    with pytest.raises(CommandError) as refused:
        call_command("switchyard", "topology", "check")
    assert refused.value.returncode == 3
    assert "BROKER_" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def undelivered(queue: str) -> int | None:
    with Management.from_settings() as management:
        return read_yard(management).states[queue].undelivered_dead


def arrived(channel: Any, queue: str) -> Message:
    """The next message of the queue, when it is there."""
    return eventually(lambda: channel.basic_get(queue), within=30, what=f"a message in {queue}")


def held(vhost: Vhost, queue: str) -> int:
    """Messages ready in the queue, as the broker counts them at the moment."""
    with Connection(vhost.url) as connection:
        return connection.default_channel.queue_declare(queue, passive=True).message_count


def test_the_broker_tries_again_after_seconds_what_a_queue_would_not_have(broker: Broker) -> None:
    """Its own time is three minutes, and a file that it does not read would leave that as it is."""
    if not isinstance(broker.server, Node):
        pytest.skip("the broker is somebody else's, or a container's, whose configuration is not ours")
    option = "dead_letter_worker_publisher_confirm_timeout"
    assert broker.server.ctl("eval", f"application:get_env(rabbit, {option}).").strip() == "{ok,10000}"
