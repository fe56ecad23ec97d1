"""`make deploy`, `undeploy`, `status` and `secrets`: each for one overlay and one kubectl context."""

import argparse
import sys
from collections.abc import Callable

from deploy.cluster.deploy import deploy, status, undeploy
from deploy.cluster.kubectl import Kubectl, kubectl_for
from deploy.cluster.overlay import Overlay, overlay
from deploy.cluster.secrets import make_secrets
from deploy.local.errors import LocalError

VERBS: dict[str, Callable[[Kubectl, Overlay, bool], None]] = {
    "deploy": lambda kubectl, chosen, yes: deploy(kubectl, chosen, yes=yes),
    "undeploy": lambda kubectl, chosen, yes: undeploy(kubectl, chosen, yes=yes),
    "status": lambda kubectl, chosen, _: status(kubectl, chosen),
    "secrets": lambda kubectl, chosen, _: make_secrets(kubectl, chosen),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--overlay", required=True, help="a folder of k8s/overlays")
    parser.add_argument("--context", help="a kubectl context that is not the overlay's own")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    arguments = parser.parse_args(argv)
    try:
        chosen = overlay(arguments.overlay)
        VERBS[arguments.verb](kubectl_for(chosen, arguments.context), chosen, arguments.yes)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
