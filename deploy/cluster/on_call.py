"""A pod of one's own to stand in while on call, made of what the cluster has as `toolbox`."""

import getpass
import json
import re
import secrets
import sys
from collections.abc import Sequence
from typing import Any

from deploy.cluster.kubectl import Kubectl
from deploy.local.errors import LocalError

READY_SECONDS = 120
#: The command in the pod where nobody says another.
SHELL = ("sh",)


def on_call(kubectl: Kubectl, command: Sequence[str]) -> int:
    """Runs ``command``, or a shell, in a pod that is gone afterwards, and returns its exit code.

    The pod is of the image and with the rights that are deployed, whatever this checkout has, and nobody
    else's: who leaves ends nobody's session. One that is left behind ends by itself after a shift.
    """
    name = f"toolbox-{_who()}-{secrets.token_hex(2)}"
    kubectl.ask("create", "-f", "-", given=json.dumps(pod(_deployed(kubectl), name)))
    try:
        kubectl.ask("wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={READY_SECONDS}s")
        told = command or SHELL
        if not command:
            print(f"In {name} at {kubectl.context}: begin with `python -m app doctor`.", flush=True)
        terminal = ["--stdin", "--tty"] if sys.stdin.isatty() else []
        return kubectl.show("exec", *terminal, name, "--", *told, accept=range(256))
    finally:
        kubectl.ask("delete", "pod", name, "--wait=false", "--ignore-not-found")


def pod(deployment: dict[str, Any], name: str) -> dict[str, Any]:
    """As the Deployment would make it, but for its name, and not started anew when it has ended."""
    template = deployment["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": template["metadata"]["labels"]},
        "spec": {**template["spec"], "restartPolicy": "Never"},
    }


def _deployed(kubectl: Kubectl) -> dict[str, Any]:
    found = kubectl.ask("get", "deployment/toolbox", "--ignore-not-found", "--output=json")
    if not found:
        raise LocalError(
            f"{kubectl.context} has no Deployment toolbox in {kubectl.namespace}: deploy this release, "
            "or stand in the relay (`kubectl exec -it deployment/relay -- sh`), which may do less."
        )
    deployment: dict[str, Any] = json.loads(found)
    return deployment


def _who() -> str:
    """As a name in a cluster may be."""
    return re.sub(r"[^a-z0-9]+", "-", getpass.getuser().lower()).strip("-")[:20] or "somebody"
