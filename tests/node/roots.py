"""Root file systems of the distribution's packages, each made once: the nodes' own and the servers'."""

import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.cluster.engine import ROOT
from deploy.local.commands import output_of, program
from deploy.local.errors import LocalError
from deploy.local.home import locked, make_folder

FOLDER = ROOT / ".local" / "node" / "roots"
#: debootstrap's own recipe for the newest release, which serves for any that it does not know by name.
RECIPE = Path("/usr/share/debootstrap/scripts/sid")


@dataclass(frozen=True)
class Packages:
    """Of a release of Debian."""

    name: str
    suite: str
    packages: tuple[str, ...]

    @property
    def folder(self) -> Path:
        contents = hashlib.sha256(repr(self).encode()).hexdigest()[:8]
        return FOLDER / f"{self.name}-{self.suite}-{contents}"


#: With a containerd that tells the kubelet its cgroup driver: 2.0 does, the stable release's does not.
NODE = Packages(
    "node", "forky", ("containerd", "runc", "containernetworking-plugins", "iptables", "ipset", "nftables")
)
#: The releases with the versions that the manifests name.
RABBITMQ = Packages("rabbitmq", "forky", ("rabbitmq-server",))
POSTGRES = Packages("postgres", "trixie", ("postgresql-17",))


def root(wanted: Packages) -> Path:
    """Its folder, made if it is not there. Raises LocalError."""
    if program("debootstrap") is None:
        raise LocalError("debootstrap is missing: `apt-get install debootstrap`.")
    make_folder(FOLDER)
    with locked(FOLDER / f"{wanted.name}.lock"):
        if not wanted.folder.exists():
            print(
                f"Unpacking {', '.join(wanted.packages)} of {wanted.suite} ...", file=sys.stderr, flush=True
            )
            bootstrap(wanted)
    return wanted.folder


def bootstrap(wanted: Packages) -> None:
    partial = wanted.folder.with_name(wanted.folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    include = f"--include={','.join(wanted.packages)}"
    # From the mirror that the recipe names.
    output_of(["debootstrap", "--variant=minbase", include, wanted.suite, str(partial), "", str(RECIPE)])
    partial.rename(wanted.folder)
