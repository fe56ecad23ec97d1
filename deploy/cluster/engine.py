"""What builds the image: docker, podman or buildah, whichever is there and answers."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from deploy.local.commands import output_of
from deploy.local.container import engine as runner
from deploy.local.errors import LocalError

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Engine:
    """A command that builds images and, but for buildah, runs them."""

    command: str

    @property
    def runs(self) -> bool:
        return self.command != "buildah"

    @property
    def dates(self) -> bool:
        """Whether all of an image can be of one date: docker's builder keeps that of each file."""
        return self.command != "docker"

    def build(self, tag: str, revision: str, folder: Path = ROOT, *, options: Sequence[str] = ()) -> None:
        """Builds its Dockerfile; what the engine says goes to the caller's output. Raises LocalError."""
        command = [self.command, "build", f"--tag={tag}", f"--build-arg=REVISION={revision}", *secrets()]
        if self.dates:
            # Needs no network of its own and no privilege that a CI machine may lack.
            command.append("--isolation=chroot")
            # Always the same one: a layer that comes from the builder's cache keeps the date of its making.
            command.append("--timestamp=0")
        command += options
        if subprocess.run([*command, "."], cwd=folder, check=False).returncode:
            raise LocalError(f"`{' '.join([*command, '.'])}` failed (its reason is above).")

    def size(self, image: str) -> str:
        """What the image takes unpacked, with its base, as ``372 MB``; empty if there is none."""
        return self.say("images", "--format={{.Size}}", image)

    def say(self, *arguments: str) -> str:
        """What the engine answers. Raises LocalError with its last line."""
        return output_of([self.command, *arguments]).strip()


def full_name(image: str) -> str:
    """With ``localhost/`` before one without a registry: so podman and buildah name it, and docker not."""
    first, slash, _ = image.partition("/")
    if slash and (first == "localhost" or {".", ":"} & {*first}):
        return image
    return f"localhost/{image}"


def choose_engine() -> Engine:
    """The first that answers. Raises LocalError."""
    command = runner() or which("buildah")
    if command is None:
        raise LocalError(
            "No docker, podman or buildah answers here: start one, or `apt-get install podman runc`."
        )
    return Engine(Path(command).name)


def secrets() -> list[str]:
    """A package index and certificates of this machine's own, for the build only: no layer keeps a secret."""
    files = {
        "pip": os.environ.get("PIP_CONFIG_FILE", "/etc/pip.conf"),
        "certificates": os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
    }
    return [f"--secret=id={name},src={file}" for name, file in files.items() if file and Path(file).is_file()]
