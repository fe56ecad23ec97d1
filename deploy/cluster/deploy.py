"""Bring an overlay to a cluster, look at what is there, and take it away again."""

import sys
import time

from deploy.cluster.kubectl import Kubectl
from deploy.cluster.missing import check_needs
from deploy.cluster.needs import rendered
from deploy.cluster.overlay import Overlay
from deploy.cluster.references import Document
from deploy.local.errors import LocalError

ROLE = "app.kubernetes.io/component"
#: What waits until the release Job is done: the roles, and what belongs to each.
ROLES = f"{ROLE} in (web,worker,beat,relay,exporter,jobs,toolbox)"
REST = f"{ROLE} notin (web,worker,beat,relay,exporter,jobs,toolbox)"
#: A Job cannot be changed, so that no difference to one can be asked for: it is made anew.
LASTING = f"{ROLE}!=release"
#: Past the Job's own deadline, by which it has ended one way or the other.
RELEASE_SECONDS = 1860
ENDED = "jsonpath={.status.conditions[?(@.status=='True')].type}"
#: Longer than the longest drain, which a rollout does not wait for, and than a node takes to pull the image.
ROLLOUT_TIMEOUT = "20m"
READY = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9811/readyz', timeout=5).read().decode())"
)
#: Service to the port of the person's own machine: that of PUBLIC_URL.
PAGES = {"web": 8000}
METRICS = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9808/metrics', timeout=5).read().decode())"
)


def deploy(kubectl: Kubectl, overlay: Overlay, *, yes: bool) -> None:
    """Shows the difference, runs the release Job, rolls every role, and asks web and exporter how it is."""
    say(
        f"Applies {overlay.name} to {kubectl.context}: the namespace {kubectl.namespace} and a "
        "PriorityClass. The release Job runs anew."
    )
    found = rendered(kubectl, overlay)
    check_needs(kubectl, overlay, found)
    # The namespace is there before: `make secrets` makes it. What is all new has no difference to be read.
    if not kubectl.ask("get", "deployments,statefulsets,jobs", "--output=name"):
        confirm("All of it is new there. Apply it", yes=yes)
    elif differs(kubectl, overlay):
        confirm("Apply this", yes=yes)
    release(kubectl, overlay)
    apply(kubectl, overlay, ROLES)
    kubectl.show("rollout", "status", "deployment", f"--selector={ROLES}", f"--timeout={ROLLOUT_TIMEOUT}")
    smoke(kubectl)
    say(reach(kubectl, found))


def differs(kubectl: Kubectl, overlay: Overlay) -> bool:
    """Shows what would change of what is there or is to be."""
    command = ("diff", "--server-side", f"--selector={LASTING}", "-k", str(overlay.folder))
    return kubectl.show(*command, accept=(0, 1)) == 1


def release(kubectl: Kubectl, overlay: Overlay) -> None:
    """The servers and settings, and the Job, to its end. Raises LocalError with what the Job said."""
    kubectl.show("delete", "job", "release", "--ignore-not-found")
    apply(kubectl, overlay, REST)
    completed(kubectl, "release", "No role was changed.")


def completed(kubectl: Kubectl, job: str, otherwise: str) -> None:
    """Once it is. Raises LocalError with what the Job said, and what that means."""
    if ended(kubectl, job) != "Complete":
        kubectl.show("logs", f"job/{job}", "--tail=50", accept=(0, 1))
        raise LocalError(f"The {job} Job did not complete; what it said is above. {otherwise}")


def ended(kubectl: Kubectl, job: str) -> str:
    """``Complete`` or ``Failed``, as soon as it is one: `kubectl wait` waits for one and misses the other."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while time.monotonic() < deadline:
        for state in kubectl.ask("get", f"job/{job}", f"--output={ENDED}").split():
            if state in {"Complete", "Failed"}:
                return state
        time.sleep(1)
    return ""


def apply(kubectl: Kubectl, overlay: Overlay, selector: str) -> None:
    kubectl.show("apply", "--server-side", f"--selector={selector}", "-k", str(overlay.folder))


def smoke(kubectl: Kubectl) -> None:
    """Raises LocalError unless web reaches the database and the exporter the broker."""
    if '"ready": true' not in kubectl.ask("exec", "deployment/web", "--", "python", "-c", READY):
        raise LocalError("web answers, but is not ready: see `kubectl logs deployment/web`.")
    metrics = kubectl.ask("exec", "deployment/exporter", "--", "python", "-c", METRICS)
    if "switchyard_broker_up 1.0" not in metrics:
        raise LocalError("The exporter cannot read the broker: see `kubectl logs deployment/exporter`.")
    say("web reaches the database, and the exporter the broker.")


def reach(kubectl: Kubectl, found: list[Document]) -> str:
    """How a person comes to it: by its own address, or by a forward to each Service that has pages."""
    if {"HTTPRoute", "Ingress"} & {item["kind"] for item in found}:
        return "web is reached by its PUBLIC_URL."
    forward = f"kubectl --context={kubectl.context} --namespace={kubectl.namespace} port-forward service/"
    lines = ["Nothing leads to it from outside. While such a command runs, the address behind it answers:"]
    for name, port in pages(found):
        local = PAGES.get(name, port)
        lines.append(f"  {forward}{name} {local}:{port}   # http://localhost:{local}")
    return "\n".join(lines)


def pages(found: list[Document]) -> list[tuple[str, int]]:
    """Name and port of each Service that has any."""
    services = [item for item in found if item["kind"] == "Service"]
    return [
        (item["metadata"]["name"], port["port"])
        for item in services
        for port in item["spec"]["ports"]
        if port.get("name") == "http"
    ]


def status(kubectl: Kubectl, overlay: Overlay) -> None:
    """Only looks."""
    say(f"{overlay.name} at {kubectl.context}, namespace {kubectl.namespace}:")
    kubectl.show("get", "deployments,statefulsets,jobs,poddisruptionbudgets", "--output=wide")
    kubectl.show("get", "pods", "--output=wide")


def undeploy(kubectl: Kubectl, overlay: Overlay, *, yes: bool) -> None:
    """Takes the roles away; servers, their data, Secrets and the namespace stay."""
    say(f"Deletes every role of {overlay.name} from {kubectl.context}. Servers, data and Secrets stay.")
    confirm("Delete them", yes=yes)
    kubectl.show("delete", "--ignore-not-found", f"--selector={ROLE}", "-k", str(overlay.folder))


def confirm(question: str, *, yes: bool) -> None:
    """Raises LocalError unless a person at a terminal, or ``--yes``, agrees."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise LocalError(f"{question}? There is nobody to ask here: say ARGS=--yes.")
    if input(f"{question}? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise LocalError("Nothing was changed.")


def say(sentence: str) -> None:
    print(sentence, flush=True)
