"""`make sbom`: what the image and each lock file consist of, as CycloneDX, in .local/sbom.

The same for the same commit: neither a date nor a random number is in it.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from deploy.cluster.engine import ROOT, Engine, choose_engine, full_name
from deploy.cluster.image import revision
from deploy.cluster.overlay import IMAGE
from deploy.local.errors import LocalError
from deploy.local.home import make_folder
from deploy.local.locks import LOCKS

FOLDER = ROOT / ".local" / "sbom"
#: A line for each thing in an image: its kind, name, version and architecture.
LOOK = r"""
dpkg-query --show --showformat='deb ${Package} ${Version} ${Architecture}\n'
python -c 'from importlib.metadata import distributions as all
for one in all(): print("pypi", one.name, one.version, "any")'
"""
#: No more than a machine gives that is a container itself.
BOUNDED = ("--rm", "--network=none", "--ulimit=nofile=1024:4096", "--ulimit=nproc=4096:4096")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make sbom", description=__doc__)
    parser.add_argument("--image", help=f"what `make image` has built (default: {IMAGE}:REVISION)")
    arguments = parser.parse_args()
    make_folder(FOLDER)
    try:
        for name in LOCKS:
            of_lock(name, FOLDER / f"{name.replace('/', '-')}.cdx.json")
        image = full_name(arguments.image or f"{IMAGE}:{revision()}")
        (FOLDER / "image.cdx.json").write_text(of_image(choose_engine(), image))
    except LocalError as error:
        sys.exit(str(error))
    print(f"{', '.join(sorted(file.name for file in FOLDER.glob('*.cdx.json')))}: in {FOLDER}.")


def of_lock(name: str, target: Path) -> None:
    """With every hash that it takes. Raises LocalError."""
    command = ["requirements", "--output-reproducible", f"--output-file={target}", name]
    result = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise LocalError(f"{name} is no lock file that CycloneDX reads: {result.stderr.strip()[-300:]}")


def of_image(engine: Engine, image: str) -> str:
    """Its Debian packages and Python distributions. Raises LocalError, as where there is no such image."""
    said = engine.say("run", *BOUNDED, "--entrypoint=sh", image, "-c", LOOK)
    parts = [component(*line.split()) for line in said.splitlines()]
    bom, (name, _, tag) = Bom(components=parts), image.rpartition(":")
    bom.metadata.component = Component(name=name, version=tag, bom_ref=image, type=ComponentType.CONTAINER)
    bom.register_dependency(bom.metadata.component, parts)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["serialNumber"], document["metadata"]["timestamp"]
    return json.dumps(document, indent=2) + "\n"


def component(kind: str, name: str, version: str, architecture: str) -> Component:
    qualifiers = {"arch": architecture} if kind == "deb" else {}
    space = "debian" if kind == "deb" else None
    url = PackageURL(kind, space, name, version, qualifiers)
    return Component(name=name, version=version, purl=url, bom_ref=str(url), type=ComponentType.LIBRARY)


if __name__ == "__main__":
    main()
