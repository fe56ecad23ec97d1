"""The folders under k8s/ render in every combination, and are written the way they promise."""

import re
from itertools import combinations

import pytest
import yaml

from tests.manifests.folders import COMBINATIONS, COMPONENTS, NAMES, OVERLAYS, PAIRS, combined
from tests.manifests.rendered import K8S, documents, text

#: Written by hand: what `make chart` writes is made of these.
FILES = [file for file in sorted(K8S.rglob("*.yaml")) if "templates" not in file.parts]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_an_overlay_renders_into_one_namespace(overlay) -> None:
    found = {item["metadata"].get("namespace") for item in documents(overlay)} - {None}
    assert found == {"switchyard"}


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), *COMBINATIONS], ids="+".join)
def test_components_render_by_themselves_and_together(names) -> None:
    with combined(names) as folder:
        assert "kind: Deployment" in text(folder)


def test_each_pair_that_goes_together_is_rendered_in_a_combination() -> None:
    assert {pair for names in COMBINATIONS for pair in combinations(names, 2)} == PAIRS


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda folder: folder.name)
def test_a_component_opens_with_what_it_adds_and_what_it_needs(component) -> None:
    first, second, *_ = (component / "kustomization.yaml").read_text().splitlines()
    assert re.fullmatch(r"# Adds .+\.", first)
    assert re.fullmatch(r"# Needs .+\.", second)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_an_overlay_is_short_and_has_no_prefix(overlay) -> None:
    written = (overlay / "kustomization.yaml").read_text()
    assert len(written.splitlines()) <= 30
    assert not {"namePrefix", "nameSuffix"} & set(yaml.safe_load(written))


def test_nothing_is_commented_out() -> None:
    pattern = re.compile(r"^\s*# *(- )?[\w./-]+:( \S+)?$", re.MULTILINE)
    assert [str(file.relative_to(K8S)) for file in FILES if pattern.search(file.read_text())] == []


def test_only_an_overlay_names_an_image_tag_of_ours() -> None:
    tagged = [
        str(file.relative_to(K8S))
        for file in FILES
        if re.search(r"newTag|image:.*switchyard:", file.read_text())
    ]
    assert tagged == [f"overlays/{folder.name}/kustomization.yaml" for folder in OVERLAYS]


def test_no_two_workloads_are_mostly_the_same_source() -> None:
    """The difference of what is written, not of what is rendered: what all share has one home."""
    from difflib import SequenceMatcher

    sources = [file for file in FILES if file.name == "deployment.yaml"]
    alike = {
        f"{one.parent.name}, {other.parent.name}": SequenceMatcher(
            None, one.read_text().splitlines(), other.read_text().splitlines()
        ).ratio()
        for index, one in enumerate(sources)
        for other in sources[index + 1 :]
    }
    assert {pair: ratio for pair, ratio in alike.items() if ratio > 0.6} == {}
