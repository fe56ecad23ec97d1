"""In the local overlay a mail can leave, and only a worker of io can bring it to the catcher."""

from typing import Any

from deploy.cluster.engine import ROOT
from tests.manifests.agreement import config
from tests.manifests.folders import combined
from tests.manifests.rendered import Document, documents, of_kind, ours

Labels = dict[str, str]
LOCAL = documents(ROOT / "k8s" / "overlays" / "local")


def pod_labels(workload: Document) -> dict[str, str]:
    return dict(workload["spec"]["template"]["metadata"]["labels"])


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(item["key"]) in item["values"] for item in selector.get("matchExpressions", ())
    )


def lets(found: list[Document], way: str, of: Labels, other: Labels, ports: set[Any]) -> bool:
    """Whether a policy of pods labelled ``of`` lets them out to, or in from, the others on a port."""
    side = {"egress": "to", "ingress": "from"}[way]
    return any(
        any("podSelector" in peer and matches(peer["podSelector"], other) for peer in rule.get(side, ()))
        and ("ports" not in rule or {port["port"] for port in rule["ports"]} & ports)
        for policy in of_kind(found, "NetworkPolicy").values()
        if matches(policy["spec"]["podSelector"], of)
        for rule in policy["spec"].get(way, ())
    )


def reached(found: list[Document], role: str) -> bool:
    """Whether pods of the role reach the mail server that the settings name, at their port of it."""
    settings = config(found)
    server = of_kind(found, "StatefulSet")[settings["EMAIL_HOST"]]
    service = of_kind(found, "Service")[settings["EMAIL_HOST"]]
    (port,) = [item for item in service["spec"]["ports"] if str(item["port"]) == settings["EMAIL_PORT"]]
    ends = pod_labels(ours(found)[role]), pod_labels(server)
    numbers = {port["port"], port["targetPort"]}
    return lets(found, "egress", *ends, numbers) and lets(found, "ingress", *ends[::-1], numbers)


def test_only_io_reaches_the_mail_catcher() -> None:
    assert {role for role in ours(LOCAL) if reached(LOCAL, role)} == {"worker-io"}


def test_without_the_way_into_the_cluster_no_mail_would_leave() -> None:
    """The control: it was closed off by what lets io workers out to the internet only."""
    with combined(("mail-catcher",)) as folder:
        assert not reached(documents(folder), "worker-io")
    with combined(("io-to-cluster", "mail-catcher")) as folder:
        assert reached(documents(folder), "worker-io")
