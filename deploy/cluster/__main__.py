"""`make deploy`, `undeploy`, `backup`, `restore`, `on-call` and so on: of one overlay, in one context."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.cluster.backup import backup
from deploy.cluster.deploy import deploy, status, undeploy
from deploy.cluster.kubectl import Kubectl, kubectl_for
from deploy.cluster.on_call import on_call
from deploy.cluster.overlay import Overlay, overlay
from deploy.cluster.restore import WAYS, restore
from deploy.cluster.secrets import make_secrets
from deploy.local.errors import LocalError

#: What was said on the command line.
Words = argparse.Namespace
VERBS: dict[str, Callable[[Kubectl, Overlay, Words], object]] = {
    "deploy": lambda kubectl, chosen, words: deploy(kubectl, chosen, yes=words.yes),
    "undeploy": lambda kubectl, chosen, words: undeploy(kubectl, chosen, yes=words.yes),
    "status": lambda kubectl, chosen, _: status(kubectl, chosen),
    "secrets": lambda kubectl, chosen, _: make_secrets(kubectl, chosen),
    "backup": lambda kubectl, chosen, words: backup(kubectl, chosen, words.folder),
    "restore": lambda kubectl, chosen, words: restore(
        kubectl, chosen, named(words.folder), words.waiting, yes=words.yes
    ),
    "on-call": lambda kubectl, _, words: on_call(kubectl, words.command),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--overlay", required=True, help="a folder of k8s/overlays")
    parser.add_argument("--context", help="a kubectl context that is not the overlay's own")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--command", nargs=argparse.REMAINDER, default=[], help="of on-call: not a shell")
    parser.add_argument(
        "--folder", type=Path, help="of the backup, to write (default: a new one in backups/) or read"
    )
    parser.add_argument(
        "--waiting", choices=WAYS, default=WAYS[0], help="restore: what `adopt-database` does with what waits"
    )
    arguments = parser.parse_args(argv)
    try:
        chosen = overlay(arguments.overlay)
        ended = VERBS[arguments.verb](kubectl_for(chosen, arguments.context), chosen, arguments)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return ended if isinstance(ended, int) else 0


def named(folder: Path | None) -> Path:
    """Raises LocalError if it is not."""
    if folder is None:
        raise LocalError("Say which backup: ARGS=--folder=backups/NAME.")
    return folder


if __name__ == "__main__":
    sys.exit(main())
