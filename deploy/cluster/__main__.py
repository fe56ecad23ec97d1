"""`make deploy`, `undeploy`, `status`, `secrets`, `backup` and `restore`: of one overlay, in one context."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.cluster.backup import backup
from deploy.cluster.deploy import deploy, status, undeploy
from deploy.cluster.kubectl import Kubectl, kubectl_for
from deploy.cluster.overlay import Overlay, overlay
from deploy.cluster.restore import WAYS, restore
from deploy.cluster.secrets import make_secrets
from deploy.local.errors import LocalError

VERBS: dict[str, Callable[[Kubectl, Overlay, argparse.Namespace], object]] = {
    "deploy": lambda kubectl, chosen, given: deploy(kubectl, chosen, yes=given.yes),
    "undeploy": lambda kubectl, chosen, given: undeploy(kubectl, chosen, yes=given.yes),
    "status": lambda kubectl, chosen, _: status(kubectl, chosen),
    "secrets": lambda kubectl, chosen, _: make_secrets(kubectl, chosen),
    "backup": lambda kubectl, chosen, given: backup(kubectl, chosen, given.folder),
    "restore": lambda kubectl, chosen, given: restore(
        kubectl, chosen, named(given.folder), given.waiting, yes=given.yes
    ),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--overlay", required=True, help="a folder of k8s/overlays")
    parser.add_argument("--context", help="a kubectl context that is not the overlay's own")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--folder", type=Path, help="of the backup, to write (default: a new one in backups/) or read"
    )
    parser.add_argument(
        "--waiting", choices=WAYS, default=WAYS[0], help="restore: what `adopt-database` does with what waits"
    )
    arguments = parser.parse_args(argv)
    try:
        chosen = overlay(arguments.overlay)
        VERBS[arguments.verb](kubectl_for(chosen, arguments.context), chosen, arguments)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def named(folder: Path | None) -> Path:
    """Raises LocalError if it is not."""
    if folder is None:
        raise LocalError("Say which backup: ARGS=--folder=backups/NAME.")
    return folder


if __name__ == "__main__":
    sys.exit(main())
