"""A stand-in for the Dockerfile's base image, for a machine that reaches Debian but no image registry.

Debian's own Python under the base's name. For building and trying the image (CI), not for shipping it.
"""

import re
import sys
import tempfile
from pathlib import Path

from deploy.cluster.engine import ROOT, Engine, choose_engine
from deploy.local.commands import output_of, program
from deploy.local.errors import LocalError

PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"


def main() -> None:
    try:
        engine = choose_engine()
        name = base_name()
        if engine.size(name):
            print(f"{name} is there already.")
            return
        make(engine, name)
    except LocalError as error:
        sys.exit(str(error))
    print(f"{name}: made of Debian's packages, {engine.size(name)}.")


def base_name() -> str:
    """What the Dockerfile builds on."""
    (name,) = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return str(name)


def make(engine: Engine, name: str) -> None:
    """Raises LocalError where debootstrap is missing, this is not root, or the engine cannot import."""
    if program("debootstrap") is None or not engine.runs:
        raise LocalError("The stand-in needs debootstrap, root, and docker or podman.")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        output_of(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", name.rpartition("-")[2], str(root)]
        )
        for link in ("python", "python3"):
            (root / "usr/local/bin" / link).symlink_to("/usr/bin/python3")
        archive = Path(scratch) / "root.tar"
        output_of(["tar", f"--directory={root}", "--create", f"--file={archive}", "."])
        engine.say("import", str(archive), name)


if __name__ == "__main__":
    main()
