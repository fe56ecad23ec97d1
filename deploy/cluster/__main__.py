"""`make deploy`, `undeploy`, `status`, `secrets`, `on-call`: each for one overlay and one kubectl context."""

import argparse
import sys
from collections.abc import Callable

from deploy.cluster.deploy import deploy, status, undeploy
from deploy.cluster.kubectl import Kubectl, kubectl_for
from deploy.cluster.on_call import on_call
from deploy.cluster.overlay import Overlay, overlay
from deploy.cluster.secrets import make_secrets
from deploy.local.errors import LocalError

#: What was said on the command line.
Words = argparse.Namespace
VERBS: dict[str, Callable[[Kubectl, Overlay, Words], int | None]] = {
    "deploy": lambda kubectl, chosen, words: deploy(kubectl, chosen, yes=words.yes),
    "undeploy": lambda kubectl, chosen, words: undeploy(kubectl, chosen, yes=words.yes),
    "status": lambda kubectl, chosen, _: status(kubectl, chosen),
    "secrets": lambda kubectl, chosen, _: make_secrets(kubectl, chosen),
    "on-call": lambda kubectl, _, words: on_call(kubectl, words.command),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--overlay", required=True, help="a folder of k8s/overlays")
    parser.add_argument("--context", help="a kubectl context that is not the overlay's own")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--command", nargs=argparse.REMAINDER, default=[], help="of on-call: not a shell")
    arguments = parser.parse_args(argv)
    try:
        chosen = overlay(arguments.overlay)
        kubectl = kubectl_for(chosen, arguments.context)
        return VERBS[arguments.verb](kubectl, chosen, arguments) or 0
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
