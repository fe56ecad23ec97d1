"""`make image`: build the one image of every role, tag it with the git revision, and say how large it is."""

import argparse
import subprocess
import sys

from deploy.cluster.engine import ROOT, choose_engine, full_name
from deploy.cluster.overlay import IMAGE, overlay
from deploy.local.errors import LocalError


def main() -> None:
    parser = argparse.ArgumentParser(prog="make image", description=__doc__)
    parser.add_argument("--tag", help=f"name and tag of the image (default: {IMAGE}:REVISION)")
    parser.add_argument("--overlay", help="a folder of k8s/overlays: name the image as it does")
    arguments = parser.parse_args()
    try:
        named = overlay(arguments.overlay).image if arguments.overlay else ""
        print(build(full_name(arguments.tag or named or f"{IMAGE}:{revision()}")))
    except LocalError as error:
        sys.exit(str(error))


def build(tag: str) -> str:
    """Builds it, and returns the sentence that says what was built."""
    engine = choose_engine()
    engine.build(tag, revision())
    return f"{tag}: {engine.size(tag)} with its base, built by {engine.command}."


def revision() -> str:
    """The commit that the work tree is at; ``-changed`` if it holds what no commit has."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    return (
        f"{commit}-changed"
        if _git("status", "--porcelain", "--", "app", "switchyard", "requirements.txt")
        else commit
    )


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else "unknown"


if __name__ == "__main__":
    main()
