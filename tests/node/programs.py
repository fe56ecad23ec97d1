"""What runs on a node, built once a version from Go modules: Kubernetes' own and those of modules/."""

import hashlib
import sys
import time
from pathlib import Path

from deploy.cluster.engine import ROOT
from deploy.cluster.tools import go_program, go_version
from deploy.local.home import locked, make_folder
from tests.cluster import programs

MODULES = Path(__file__).with_name("modules")
#: From the modules of tests/cluster, beside its own.
KUBERNETES = programs.PACKAGES | {
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
}
#: Each has a folder of modules of its own.
OTHERS = {
    "coredns": ".",
    "kube-router": "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
    "mailpit": "github.com/axllent/mailpit",
}


def kubernetes() -> Path:
    """The folder of Kubernetes' programs; what is not there is built. Raises LocalError."""
    return programs.built(KUBERNETES)


def other(name: str) -> Path:
    """The program of that name; it is built if it is not there. Raises LocalError."""
    modules = MODULES / name
    folder = ROOT / ".local" / "node" / "programs" / f"{name}-{pins(modules)}"
    make_folder(folder)
    with locked(folder / "lock"):
        binary = folder / name
        if not binary.exists():
            began = time.monotonic()
            print(f"Building {name} with {go_version()} (minutes, once) ...", file=sys.stderr, flush=True)
            go_program(OTHERS[name], modules, binary, {})
            print(f"Built {name} in {time.monotonic() - began:.0f} s.", file=sys.stderr, flush=True)
    return binary


def pins(modules: Path) -> str:
    """Another one whenever a file there changes."""
    content = b"".join(file.read_bytes() for file in sorted(modules.iterdir()))
    return hashlib.sha256(content).hexdigest()[:8]
