"""Every image of somebody else is of an exact version, in each overlay and on a laptop."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.container import IMAGE
from tests.manifests.folders import OVERLAYS
from tests.manifests.rendered import Document, documents

#: How many numbers a release of it has: with fewer the tag moves.
RELEASES = {"rabbitmq": 3, "postgres": 2, "mailpit": 3}
OURS = "switchyard"


def images(node: Any) -> Iterator[str]:
    """By whatever field a pod or an operator's resource names one."""
    if isinstance(node, list):
        for item in node:
            yield from images(item)
    elif isinstance(node, dict):
        for field, value in node.items():
            named = isinstance(value, str) and field in {"image", "imageName"}
            yield from [value] if named else images(value)


def exact(image: str) -> bool:
    name, _, tag = image.rpartition("/")[2].partition(":")
    return bool(re.fullmatch(rf"v?\d+(\.\d+){{{RELEASES[name] - 1}}}(-[a-z-]+)?", tag))


def foreign(found: list[Document]) -> set[str]:
    return {image for image in images(found) if image.rpartition("/")[2].partition(":")[0] != OURS}


@pytest.mark.parametrize("folder", OVERLAYS, ids=lambda folder: folder.name)
def test_every_image_of_somebody_else_is_of_an_exact_version(folder) -> None:
    named = foreign(documents(folder))
    assert named or folder.name == "staging"
    assert [image for image in named if not exact(image)] == []


def test_a_floating_tag_is_seen() -> None:
    assert [exact(image) for image in ("rabbitmq:4.3-management", "postgres:17", "postgres:latest")] == [
        False
    ] * 3


def test_the_broker_is_not_left_to_its_operators_default_image() -> None:
    """PostgreSQL is: its operator takes nothing but the names of its own images, with their registry."""
    found = {item["kind"]: item for folder in OVERLAYS for item in documents(folder)}
    assert [*images(found["RabbitmqCluster"])]


def test_the_broker_is_one_whose_dead_letters_do_not_stick_and_the_same_everywhere() -> None:
    brokers = {image for folder in OVERLAYS for image in foreign(documents(folder)) if "rabbitmq" in image}
    assert brokers == {IMAGE}
    assert tuple(int(number) for number in re.findall(r"\d+", IMAGE)) >= (4, 3, 3)
