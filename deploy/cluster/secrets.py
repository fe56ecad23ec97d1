"""The Secrets of the local overlay, random and made once: they are nowhere but in the cluster."""

import json
import secrets

import yaml

from deploy.cluster.engine import ROOT
from deploy.cluster.kubectl import Kubectl
from deploy.cluster.overlay import Overlay
from deploy.local.errors import LocalError

BROKER_KEYS = ("release", "worker", "relay", "exporter", "operator", "scaler", "toolbox")


def make_secrets(kubectl: Kubectl, overlay: Overlay) -> None:
    """Makes what is not there. Raises LocalError for an overlay whose Secrets are somebody's to keep."""
    if overlay.name != "local":
        raise LocalError(
            f"make secrets is for OVERLAY=local: the Secrets of {overlay.name} come from a store (README)."
        )
    name = kubectl.namespace
    print(f"Makes the namespace {name} and its Secrets in {kubectl.context}, unless they are there.")
    kubectl.ask("apply", "--server-side", "-f", "-", given=json.dumps(namespace(name)))
    there = kubectl.ask("get", "secrets", "--output=name").split()
    made = {name: data for name, data in generated().items() if f"secret/{name}" not in there}
    if "secret/switchyard-broker" in there:
        _add_keys(kubectl)
    if 0 < len(made) < len(generated()):
        raise LocalError(
            f"Some Secrets are there, but not {', '.join(made)}, and they share passwords: delete them all "
            "and the servers' volumes, then run this again."
        )
    for name, data in made.items():
        kubectl.ask("create", "-f", "-", given=json.dumps(secret(name, data)))
    print("Made: " + (", ".join(made) or "nothing; all are there") + ".")


def _add_keys(kubectl: Kubectl) -> None:
    """Of roles that are newer than the Secret: all of a laptop's are one user."""
    found = json.loads(kubectl.ask("get", "secret/switchyard-broker", "--output=json"))
    missing = [key for key in BROKER_KEYS if key not in found["data"]]
    if missing:
        found["data"] |= dict.fromkeys(missing, found["data"]["release"])
        kubectl.ask("replace", "-f", "-", given=json.dumps(found))
        print(f"Added to switchyard-broker: {', '.join(missing)}.")


def namespace(name: str) -> dict[str, object]:
    """The base's, under that name."""
    written = yaml.safe_load((ROOT / "k8s" / "base" / "namespace.yaml").read_text())
    return {**written, "metadata": {**written["metadata"], "name": name}}


def generated() -> dict[str, dict[str, str]]:
    """Secret to key to value, new each time. One broker user for all: a laptop's broker has no other."""
    rabbitmq, postgres = secrets.token_hex(16), secrets.token_hex(16)
    urls = dict.fromkeys(BROKER_KEYS, f"pyamqp://switchyard:{rabbitmq}@rabbitmq:5672/switchyard")
    return {
        "servers": {"rabbitmq-password": rabbitmq, "postgres-password": postgres},
        "switchyard": {
            "secret-key": secrets.token_urlsafe(50),
            "secret-key-fallbacks": "",
            "database-url": f"postgres://switchyard:{postgres}@postgres:5432/switchyard",
            "email-host-password": "",
        },
        "switchyard-broker": urls | {"scaler": f"http://switchyard:{rabbitmq}@rabbitmq:15672/switchyard"},
    }


def secret(name: str, data: dict[str, str]) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
