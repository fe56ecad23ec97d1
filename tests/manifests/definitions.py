"""The operators' own definitions of their resources, from their Go modules."""

from functools import cache
from pathlib import Path

import yaml

from deploy.cluster.tools import module
from tests.manifests.rendered import Document

#: API group to the Go module that has its definitions, and where.
DEFINITIONS = {
    "external-secrets.io": "github.com/external-secrets/external-secrets@v1.3.2/config/crds/bases",
    "gateway.networking.k8s.io": "sigs.k8s.io/gateway-api@v1.6.3/config/crd/standard",
    "helm.toolkit.fluxcd.io": "github.com/fluxcd/helm-controller@v1.4.0/config/crd/bases",
    "keda.sh": "github.com/kedacore/keda/v2@v2.21.0/config/crd/bases",
    "monitoring.coreos.com": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0/example/prometheus-operator-crd"
    ),
    "postgresql.cnpg.io": "github.com/cloudnative-pg/cloudnative-pg@v1.27.0/config/crd/bases",
    "rabbitmq.com": "github.com/rabbitmq/messaging-topology-operator@v1.17.4/config/crd/bases",
    "rabbitmq.com/RabbitmqCluster": "github.com/rabbitmq/cluster-operator/v2@v2.16.0/config/crd/bases",
}


class Loader(yaml.SafeLoader):
    """Reads the plain ``=`` of an enumeration as the text it is."""


Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_yaml_str)


def custom(found: list[Document]) -> list[Document]:
    """Those of an operator."""
    return [item for item in found if group(item) in DEFINITIONS]


def group(document: Document) -> str:
    return str(document["apiVersion"].partition("/")[0])


@cache
def definition(group: str, kind: str) -> Document:
    """The CustomResourceDefinition."""
    source = DEFINITIONS.get(f"{group}/{kind}", DEFINITIONS[group])
    for found in _definitions(source):
        if found["spec"].get("group") == group and found["spec"]["names"]["kind"] == kind:
            return found
    raise AssertionError(f"{source} defines no {kind} of {group}.")


@cache
def _definitions(source: str) -> list[Document]:
    name, _, path = source.partition("@")
    release, _, folder = path.partition("/")
    files: list[Path] = sorted((module(f"{name}@{release}") / folder).glob("*.yaml"))
    return [found for file in files for found in yaml.load_all(file.read_text(), Loader)]
