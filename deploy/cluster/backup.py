"""`make backup`: the database and the broker's definitions, in a folder of their own with its checksums.

No Secret is in it and no password, but all that the database holds: keep it as one keeps that.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from deploy.cluster.engine import ROOT
from deploy.cluster.image import revision
from deploy.cluster.kubectl import Kubectl
from deploy.cluster.needs import rendered
from deploy.cluster.overlay import Overlay
from deploy.cluster.servers import Servers, servers
from deploy.local.errors import LocalError

FOLDER = ROOT / "backups"
DATABASE = "database.dump"
ROLES = "roles.sql"
DEFINITIONS = "definitions.json"
ABOUT = "about.json"
PARTS = (DATABASE, ROLES, DEFINITIONS, ABOUT)
#: As `sha256sum --check` reads it.
SUMS = "SHA256SUMS"


def backup(kubectl: Kubectl, overlay: Overlay, folder: Path | None) -> Path:
    """Its folder, which appears whole or not at all. Raises LocalError."""
    found = servers(kubectl, overlay.name, rendered(kubectl, overlay))
    began = datetime.now(UTC)
    folder = folder or FOLDER / f"{overlay.name}-{began:%Y%m%dT%H%M%SZ}"
    if folder.exists():
        raise LocalError(f"{folder} is there already: a backup is never written over. Name another folder.")
    with whole(folder) as partial:
        before = found.depths()
        for name, dump in ((DATABASE, found.dump), (ROLES, found.dump_roles)):
            with (partial / name).open("wb") as target:
                sent = dump(target)
            if digest(partial / name) != sent:
                raise LocalError(f"{name} did not come through whole: run this again.")
        write(partial / DEFINITIONS, without_passwords(found.definitions()))
        write(partial / ABOUT, about(overlay, began, before, found))
        lines = [f"{digest(partial / name)}  {name}\n" for name in PARTS]
        (partial / SUMS).write_text("".join(lines))
    print(f"{folder}: {sum(file.stat().st_size for file in folder.iterdir()):,} bytes.")
    return folder


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """Another folder, for its owner only, that gets the name at the end of the block."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    try:
        yield partial
        for file in partial.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def about(overlay: Overlay, began: datetime, before: dict[str, int], found: Servers) -> dict[str, Any]:
    """``in_broker``: queue to how many messages it held, before the dump and after it, whichever was more.

    They are in no dump. One that was sent meanwhile is in both.
    """
    after = found.depths()
    return {
        "overlay": overlay.name,
        "at": began.isoformat(timespec="seconds"),
        "revision": revision(),
        "in_broker": {name: max(count, before.get(name, 0)) for name, count in sorted(after.items())},
    }


def without_passwords(definitions: dict[str, Any]) -> dict[str, Any]:
    """Nobody logs in by a hash that is empty: what each user's is, the Secrets say."""
    users = [user | {"password_hash": ""} for user in definitions["users"]]
    return definitions | {"users": users}


def contents(folder: Path) -> dict[str, Any]:
    """What the backup says of itself. Raises LocalError unless each part of it is as it was written."""
    try:
        lines = (folder / SUMS).read_text().splitlines()
        sums = {name: told for told, name in (line.split("  ") for line in lines)}
        changed = [name for name in PARTS if digest(folder / name) != sums.get(name)]
    except (OSError, ValueError) as error:
        raise LocalError(f"{folder} is no backup that is whole: {error}.") from error
    if changed:
        raise LocalError(f"{folder}: {', '.join(changed)} is not as {SUMS} has it: take another backup.")
    found: dict[str, Any] = json.loads((folder / ABOUT).read_text())
    return found


def digest(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def write(file: Path, document: dict[str, Any]) -> None:
    file.write_text(json.dumps(document, indent=2) + "\n")
