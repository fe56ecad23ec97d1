"""Every overlay, every component, and combinations in which each pair of components that goes together is."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.manifests.rendered import K8S

BASE = K8S / "base"
OVERLAYS = sorted((K8S / "overlays").iterdir())
COMPONENTS = sorted((K8S / "components").iterdir())
#: Each two of these bring the same thing.
EXCLUSIVE = [
    {"autoscaling-hpa", "autoscaling-keda"},
    {"ingress", "ingress-controller"},
    {"rabbitmq", "rabbitmq-single"},
    {"postgres", "postgres-single"},
]
NAMES = [folder.name for folder in COMPONENTS]
PAIRS = {pair for pair in combinations(NAMES, 2) if {*pair} not in EXCLUSIVE}


def covering() -> Iterator[tuple[str, ...]]:
    """Few combinations, each as large as can be: what does not go together in one of them is found in it."""
    left = set(PAIRS)
    while left:
        chosen = {*min(left)}
        for name in sorted(NAMES, key=lambda name: -sum(name in pair for pair in left)):
            if all({name, other} not in EXCLUSIVE for other in chosen):
                chosen.add(name)
        left -= {*combinations(sorted(chosen), 2)}
        yield (*sorted(chosen),)


COMBINATIONS = [*covering()]


@contextmanager
def combined(names: tuple[str, ...]) -> Iterator[Path]:
    """A folder that adds the components to the base."""
    local = K8S.parent / ".local"
    local.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=local) as scratch:
        folder = Path(scratch)
        lines = ["namespace: switchyard", "resources: [../../k8s/base]", "components:"]
        lines += [f"  - ../../k8s/components/{name}" for name in names]
        (folder / "kustomization.yaml").write_text("\n".join(lines))
        yield folder
