"""Bring an overlay to a cluster, look at what is there, and take it away again."""

import sys

from deploy.cluster.kubectl import Kubectl
from deploy.cluster.overlay import NAMESPACE, Overlay
from deploy.local.errors import LocalError

ROLE = "app.kubernetes.io/component"
#: What waits until the release Job is done: the roles, and what belongs to each.
ROLES = f"{ROLE} in (web,worker,beat,relay,exporter)"
REST = f"{ROLE} notin (web,worker,beat,relay,exporter)"
RELEASE_TIMEOUT = "30m"
#: Longer than the longest drain, which a rollout does not wait for, and than a node takes to pull the image.
ROLLOUT_TIMEOUT = "20m"
READY = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/readyz', timeout=5).read().decode())"
)
METRICS = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9808/metrics', timeout=5).read().decode())"
)


def deploy(kubectl: Kubectl, overlay: Overlay, *, yes: bool) -> None:
    """Shows the difference, runs the release Job, rolls every role, and asks web and exporter how it is."""
    say(f"Applies {overlay.name} to {kubectl.context}: the namespace {NAMESPACE} and a PriorityClass.")
    if not kubectl.ask("get", "namespace", NAMESPACE, "--ignore-not-found", "--output=name"):
        confirm("All of it is new there. Apply it", yes=yes)
    elif kubectl.show("diff", "--server-side", "-k", str(overlay.folder), accept=(0, 1)) == 1:
        confirm("Apply this", yes=yes)
    release(kubectl, overlay)
    apply(kubectl, overlay, ROLES)
    kubectl.show("rollout", "status", "deployment", f"--selector={ROLES}", f"--timeout={ROLLOUT_TIMEOUT}")
    smoke(kubectl)


def release(kubectl: Kubectl, overlay: Overlay) -> None:
    """The servers and settings, and the Job, to its end. Raises LocalError with what the Job said."""
    kubectl.show("delete", "job", "release", "--ignore-not-found")
    apply(kubectl, overlay, REST)
    try:
        kubectl.show("wait", "job/release", "--for=condition=Complete", f"--timeout={RELEASE_TIMEOUT}")
    except LocalError:
        kubectl.show("logs", "job/release", "--tail=50")
        raise LocalError(
            "The release Job did not complete; what it said is above. No role was changed."
        ) from None


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


def status(kubectl: Kubectl, overlay: Overlay) -> None:
    """Only looks."""
    say(f"{overlay.name} at {kubectl.context}, namespace {NAMESPACE}:")
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
