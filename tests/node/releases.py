"""The service's image as `make image` builds it, and two releases of it that keep the tests' books."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from deploy.cluster.engine import ROOT, Engine, choose_engine, full_name
from deploy.cluster.image import build
from deploy.cluster.overlay import IMAGE, overlay
from deploy.local.errors import LocalError
from deploy.local.home import make_folder
from tests.node.images import FOLDER

#: As the overlay names it.
SERVICE = full_name(overlay("local").image)
#: What the service's image is made of.
IMAGE_PARTS = ("Dockerfile", "requirements.txt", "app", "switchyard")
#: What the books need of the tests; `cargo` is each release's own.
BOOKS = (
    "__init__.py",
    "polling.py",
    "routes.py",
    "faults/__init__.py",
    "faults/checker.py",
    "faults/ledger",
    "faults/stock",
    "rollout/__init__.py",
    "rollout/settings.py",
)
DOCKERFILE = f"""
FROM {SERVICE}
COPY tests tests
ENV DJANGO_SETTINGS_MODULE=tests.rollout.settings PYTHONPATH=/srv/switchyard/tests/rollout/releases/RELEASE
"""
RELEASES = ("old", "new")


def archive() -> Path:
    """One with all three, made anew when a file of theirs changes. Raises LocalError."""
    make_folder(FOLDER)
    file = FOLDER / f"service-{contents()}.tar"
    if not file.exists():
        engine = choose_engine()
        if not engine.runs:
            raise LocalError("make node-test needs podman or docker: `apt-get install podman runc`.")
        print(build(SERVICE))
        save(engine, [SERVICE, *(keeping_books(engine, release) for release in RELEASES)], file)
    return file


def contents() -> str:
    """Another one for each other image."""
    found = hashlib.sha256(DOCKERFILE.encode())
    parts = [*IMAGE_PARTS, *(f"tests/{part}" for part in (*BOOKS, "rollout/releases"))]
    files = [file for part in parts for file in (ROOT / part, *sorted((ROOT / part).rglob("*")))]
    for file in files:
        if file.is_file() and "__pycache__" not in file.parts:
            found.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return found.hexdigest()[:8]


def save(engine: Engine, names: list[str], file: Path) -> None:
    partial = file.with_name(file.name + ".partial")
    partial.unlink(missing_ok=True)
    several = ["--multi-image-archive"] if engine.command == "podman" else []
    engine.say("save", *several, f"--output={partial}", *names)
    partial.rename(file)


def keeping_books(engine: Engine, release: str) -> str:
    """Its name."""
    name = full_name(f"{IMAGE}:{release}")
    with tempfile.TemporaryDirectory() as scratch:
        for part in (*BOOKS, f"rollout/releases/{release}"):
            copy(ROOT / "tests" / part, Path(scratch) / "tests" / part)
        (Path(scratch) / "Dockerfile").write_text(DOCKERFILE.replace("RELEASE", release))
        engine.build(name, release, Path(scratch))
    return name


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
