"""etcd and Kubernetes' own servers, built once a version from the Go modules that modules/go.mod pins."""

import hashlib
import re
import sys
import time
from pathlib import Path

from deploy.cluster.engine import ROOT
from deploy.cluster.tools import go_program, go_version
from deploy.local.errors import LocalError
from deploy.local.home import locked, make_folder

MODULES = Path(__file__).with_name("modules")
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
}


def main() -> None:
    try:
        folder = built()
    except LocalError as error:
        sys.exit(str(error))
    print(f"{', '.join(PACKAGES)}: in {folder.relative_to(ROOT)}.")


def built(packages: dict[str, str] = PACKAGES) -> Path:
    """The folder of the programs; what is not there is built. Raises LocalError."""
    folder = ROOT / ".local" / "kubernetes" / f"{version('k8s.io/kubernetes')}-{_pins()}"
    make_folder(folder)
    with locked(folder / "lock"):
        for name, package in packages.items():
            if not (folder / name).exists():
                _build(folder / name, package)
    return folder


def version(module: str) -> str:
    """As go.mod pins it."""
    (found,) = re.findall(rf"^\t{re.escape(module)} (v\S+)", (MODULES / "go.mod").read_text(), re.MULTILINE)
    return str(found)


def build_seconds(folder: Path) -> dict[str, int]:
    """What each program took when it was built."""
    return {name: int((folder / f"{name}.seconds").read_text()) for name in PACKAGES}


def _build(binary: Path, package: str) -> None:
    print(f"Building {binary.name} with {go_version()} (minutes, once) ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    go_program(package, MODULES, binary, _variables())
    binary.with_name(f"{binary.name}.seconds").write_text(f"{time.monotonic() - began:.0f}")


def _variables() -> dict[str, str]:
    """What a server says that it is."""
    release = version("k8s.io/kubernetes")
    major, minor, _ = release.removeprefix("v").split(".")
    values = {"gitVersion": release, "gitMajor": major, "gitMinor": minor}
    return {f"k8s.io/component-base/version.{name}": value for name, value in values.items()}


def _pins() -> str:
    """Another one for every other go.mod."""
    return hashlib.sha256((MODULES / "go.mod").read_bytes()).hexdigest()[:8]


if __name__ == "__main__":
    main()
