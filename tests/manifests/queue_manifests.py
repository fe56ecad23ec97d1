"""What each declared queue must have under k8s/, and for what is not there the file and what to put in it."""

import re
from collections.abc import Iterator

from switchyard.broker.claim import MARKED
from switchyard.queues import QueueSpec
from switchyard.routing import HOME, QUEUES
from tests.manifests.rendered import Document, container, labels, of_kind, ours, pod

#: What a worker needs besides its tasks: to acknowledge, to close its connections, to leave.
DRAIN_SECONDS = 30
#: The kind of a scaler to the component that brings it.
SCALERS = {"ScaledObject": "autoscaling-keda", "HorizontalPodAutoscaler": "autoscaling-hpa"}
USERS = "k8s/components/rabbitmq/users"
BASE = "k8s/base/kustomization.yaml"


def workers(found: list[Document]) -> list[Document]:
    return [item for item in ours(found).values() if "queue" in labels(item)]


def served(found: list[Document]) -> Iterator[str]:
    """Each queue has a worker and a disruption budget of its own, and nothing has one of another."""
    named = {labels(item)["queue"] for item in workers(found)}
    budgets = of_kind(found, "PodDisruptionBudget").values()
    budgeted = {labels(item)["queue"] for item in budgets if "queue" in labels(item)}
    for spec in QUEUES.values():
        folder = f"k8s/base/worker-{spec.name}"
        if spec.name not in named:
            like = neighbour(spec)
            yield (
                f"The queue {spec.name} has no worker: make {folder}/kustomization.yaml and size.yaml like "
                f"those of k8s/base/worker-{like}, with {spec.name} for {like}, and put "
                f"`- worker-{spec.name}` into {BASE}."
            )
        elif spec.name not in budgeted:
            yield (
                f"worker-{spec.name} has no PodDisruptionBudget: `- ../worker` under resources in "
                f"{folder}/kustomization.yaml brings it."
            )
    for name in sorted((named | budgeted) - set(QUEUES)):
        yield (
            f"worker-{name} is for a queue that {HOME} does not have: delete k8s/base/worker-{name} "
            f"and `- worker-{name}` in {BASE}."
        )


def neighbour(spec: QueueSpec) -> str:
    """A queue of the same pool, whose files are like those that are to be written."""
    alike = [other.name for other in QUEUES.values() if other.pool == spec.pool and other is not spec]
    return next(iter(alike or [name for name in QUEUES if name != spec.name]))


def sizes(found: list[Document]) -> Iterator[str]:
    """A task may use its whole hard limit after SIGTERM, and the broker must not take it back meanwhile."""
    for worker in workers(found):
        if (spec := QUEUES.get(labels(worker)["queue"])) is None:
            continue
        file = f"k8s/base/worker-{spec.name}/size.yaml"
        hard, timeout = spec.hard_limit_seconds, spec.consumer_timeout_seconds
        grace = pod(worker).get("terminationGracePeriodSeconds", 30)
        if grace < hard + DRAIN_SECONDS:
            yield (
                f"worker-{spec.name} has {grace} s of grace for a hard limit of {hard} s: "
                f"put `terminationGracePeriodSeconds: {hard + 60}` into {file}."
            )
        if timeout <= grace:
            yield (
                f"{spec.name}: the consumer timeout of {timeout} s is within the grace of {grace} s: put "
                f"`consumer_timeout_seconds={2 * grace}` into {HOME}, or less grace into {file}."
            )
        taken = container(worker).get("resources", {})
        if not {"cpu", "memory"} <= {*taken.get("requests", ())} or "memory" not in taken.get("limits", ()):
            yield (
                f"worker-{spec.name} does not say what it takes: put `requests: {{cpu: ..., memory: ...}}` "
                f"and `limits: {{memory: ...}}` into {file}, as `make rollout` measures them."
            )


def scalers(found: list[Document], kind: str) -> Iterator[str]:
    """Each queue has a scaler, of its worker, by its messages, and (KEDA) by its wait objective."""
    scaled = of_kind(found, kind)
    folder = f"k8s/components/{SCALERS[kind]}"
    for spec in QUEUES.values():
        name = f"worker-{spec.name}"
        scaler = scaled.get(name)
        if scaler is None or scaler["spec"]["scaleTargetRef"]["name"] != name:
            like = neighbour(spec)
            yield (
                f"No {kind} for the worker of {spec.name}: make {folder}/{name}.yaml like worker-{like}.yaml "
                f"beside it, with {spec.name} for {like}, and put `- {name}.yaml` into "
                f"{folder}/kustomization.yaml."
            )
        else:
            yield from (f"{said} in {folder}/{name}.yaml." for said in scaled_wrongly(scaler, spec, kind))
    for name in scaled:
        if "replicas" in of_kind(found, "Deployment").get(name, {}).get("spec", ()):
            yield (
                f"{name} keeps a number of replicas that its {kind} changes: the patch for "
                f"`web|worker-.*` in {folder}/kustomization.yaml has to take it away."
            )


def scaled_wrongly(scaler: Document, spec: QueueSpec, kind: str) -> Iterator[str]:
    queue, depth, wait = measures(scaler, kind)
    objective = spec.wait_objective_seconds
    if queue != {spec.name}:
        label = (
            f"queueName: {spec.name}" if kind == "ScaledObject" else f"matchLabels: {{queue: {spec.name}}}"
        )
        yield f"The {kind} of worker-{spec.name} does not look at its queue: put `{label}`"
    if depth != 2 * spec.concurrency:
        wanted = "value" if kind == "ScaledObject" else "averageValue"
        yield (
            f"{spec.name} is scaled by {depth} messages a worker, but that has {spec.concurrency} slots: "
            f'put `{wanted}: "{2 * spec.concurrency}"`'
        )
    if kind == "ScaledObject" and wait != objective:
        yield (
            f"{spec.name} is scaled for a wait of {wait} s; its objective is {objective} s: put "
            f'`value: "{objective}"` for ExpectedQueueConsumptionTime'
        )


def measures(scaler: Document, kind: str) -> tuple[set[str], int | None, int | None]:
    """The queues that it looks at, the messages and the seconds that ask for another worker."""
    if kind == "ScaledObject":
        asked = [trigger["metadata"] for trigger in scaler["spec"]["triggers"]]
        values = {trigger.get("mode"): int(trigger["value"]) for trigger in asked}
        queues = {trigger.get("queueName") for trigger in asked}
        return queues, values.get("QueueLength"), values.get("ExpectedQueueConsumptionTime")
    (asked,) = [metric["external"] for metric in scaler["spec"]["metrics"]]
    return {asked["metric"]["selector"]["matchLabels"]["queue"]}, int(asked["target"]["averageValue"]), None


def rights(found: list[Document]) -> Iterator[str]:
    """The broker users may do to each queue what their roles do: where they are made here at all."""
    for name, permission in of_kind(found, "Permission").items():
        allowed = permission["spec"]["permissions"]
        for right, resource in needs(name):
            if not re.search(allowed[right], resource):
                yield (
                    f"The broker user {name} would be refused: it lacks the right to {right} {resource}. "
                    f"Put `{right}: '{allowing(allowed[right], resource)}'` into {USERS}/{name}.yaml."
                )


def needs(user: str) -> Iterator[tuple[str, str]]:
    """Right and resource. A worker declares, binds and reads its queue; the operator reads what is dead; who
    works with the vhost asks whose it is."""
    for spec in QUEUES.values():
        if user == "worker":
            yield from ((right, spec.name) for right in ("configure", "write", "read"))
        if user == "operator":
            yield "read", spec.dead_letter_queue
    if user in {"relay", "worker"}:
        yield "read", MARKED


def allowing(pattern: str, resource: str) -> str:
    """The pattern with one name more."""
    name = re.escape(resource)
    return f"{pattern.removesuffix(')$')}|{name})$" if pattern.endswith(")$") else f"^({name})$|{pattern}"
