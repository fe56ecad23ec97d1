"""The image is known by the name that the manifests mean, whichever engine has built it."""

import io
import json
import tarfile
from pathlib import Path
from shutil import which

import pytest

from deploy.cluster.engine import Engine, full_name
from deploy.cluster.overlay import overlay
from deploy.local.commands import output_of

#: How each writes an image into an archive, as a node loads one.
SAVE = {
    "docker": ["save", "--output={file}", "{name}"],
    "podman": ["save", "--output={file}", "{name}"],
    "buildah": ["push", "{name}", "docker-archive:{file}:{name}"],
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("switchyard:local", "localhost/switchyard:local"),
        ("team/switchyard:1", "localhost/team/switchyard:1"),
        ("registry.example/team/switchyard:1", "registry.example/team/switchyard:1"),
        ("registry:5000/switchyard:1", "registry:5000/switchyard:1"),
        ("localhost/switchyard:1", "localhost/switchyard:1"),
    ],
)
def test_a_name_without_a_registry_is_the_same_with_every_engine(written: str, meant: str) -> None:
    assert full_name(written) == meant
    assert full_name(meant) == meant


def test_what_is_built_for_an_overlay_is_what_its_pods_ask_for(engine: Engine, tmp_path: Path) -> None:
    """With every engine that is here, of which one must be."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL empty=yes\n")
    assert full_name(overlay("local").image) == overlay("local").image
    asked = overlay("local").image.replace(":local", ":name-test")
    for name in {engine.command, *(other for other in ("podman", "buildah") if which(other))}:
        built = Engine(name)
        built.build(asked, "test", tmp_path)
        assert [full_name(tag) for tag in tags(built, asked, tmp_path / f"{name}.tar")] == [asked]
        built.say("rmi", asked)


def tags(engine: Engine, image: str, file: Path) -> list[str]:
    """The names under which the archive brings it to a node."""
    output_of([engine.command, *(word.format(file=file, name=image) for word in SAVE[engine.command])])
    with tarfile.open(file) as archive:
        manifest = archive.extractfile("manifest.json") or io.BytesIO()
        return list(json.load(manifest)[0]["RepoTags"])
