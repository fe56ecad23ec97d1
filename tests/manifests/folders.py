"""Every overlay, every component by itself, and every pair of components that may be combined."""

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
    {"rabbitmq", "rabbitmq-single"},
    {"postgres", "postgres-single"},
]
COMBINATIONS = [
    (*singles,)
    for size in (1, 2)
    for singles in combinations([folder.name for folder in COMPONENTS], size)
    if set(singles) not in EXCLUSIVE
]


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
