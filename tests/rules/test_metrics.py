"""Rules and dashboards ask for metrics that exist."""

import re

from tests.rules.files import PROMETHEUS, dashboards, queries, recorded, rules

#: Of kube-state-metrics, the kubelet and a blackbox exporter.
FOREIGN = {
    "kube_deployment_spec_replicas",
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "kube_horizontalpodautoscaler_status_current_replicas",
    "kube_pod_container_info",
    "kube_pod_container_status_restarts_total",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
    "probe_ssl_earliest_cert_expiry",
    "probe_success",
}
#: What a histogram's name ends with in a query.
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def described() -> set[str]:
    """Every metric of the contract."""
    return set(re.findall(r"\bswitchyard_\w+", (PROMETHEUS / "METRICS.md").read_text()))


def asked() -> set[str]:
    texts = [rule["expr"] for rule in rules()]
    texts += [text for rule in rules() for text in rule.get("annotations", {}).values()]
    texts += [query for board in dashboards().values() for query in queries(board)]
    return set(re.findall(r"\b(?:switchyard_|kube_|kubelet_|probe_|switchyard:)[\w:]+", "\n".join(texts)))


def test_every_metric_that_is_asked_for_is_in_the_contract() -> None:
    known = described() | recorded() | FOREIGN
    assert sorted(name for name in asked() if not {name, SUFFIX.sub("", name)} & known) == []


def test_every_recorded_series_is_asked_for() -> None:
    assert sorted(recorded() - asked()) == []


def test_every_foreign_metric_is_asked_for() -> None:
    assert sorted(FOREIGN - asked()) == []
