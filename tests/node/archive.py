"""An image as a container engine loads it: folders as its layers, and how it is started."""

import hashlib
import json
import platform
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from deploy.local.commands import output_of

#: As images name what Python calls the machine.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

#: Of a distribution's file system: what no container reads.
UNUSED = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")


def write(archive: Path, name: str, folders: list[Path], config: dict[str, Any]) -> None:
    """``config`` has ``Env``, ``Entrypoint`` and the like. The archive appears whole or not at all."""
    partial = archive.with_name(archive.name + ".partial")
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch, tarfile.open(partial, "w") as opened:
        layers = [layer(folder, Path(scratch) / f"{number}.tar") for number, folder in enumerate(folders)]
        for file in layers:
            opened.add(file, file.name)
        names = [file.name for file in layers]
        add(opened, "config.json", description(layers, config))
        add(opened, "manifest.json", [{"Config": "config.json", "RepoTags": [name], "Layers": names}])
    partial.rename(archive)


def layer(folder: Path, file: Path) -> Path:
    without = [f"--exclude=./{path}" for path in UNUSED]
    output_of(
        ["tar", f"--directory={folder}", "--numeric-owner", *without, "--create", f"--file={file}", "."]
    )
    return file


def description(layers: list[Path], config: dict[str, Any]) -> dict[str, Any]:
    return {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(file)}" for file in layers]},
    }


def digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def add(opened: tarfile.TarFile, member: str, document: Any) -> None:
    content = json.dumps(document).encode()
    about = tarfile.TarInfo(member)
    about.size = len(content)
    opened.addfile(about, BytesIO(content))
