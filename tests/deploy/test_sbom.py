"""The bill of materials of a lock file names all that the lock does."""

import json
import re
from pathlib import Path

import pytest

from deploy.cluster.engine import ROOT
from deploy.cluster.sbom import of_lock
from deploy.local.errors import LocalError


def test_a_lock_is_told_with_every_version_and_hash(tmp_path: Path) -> None:
    of_lock("requirements.txt", tmp_path / "told")
    text = (ROOT / "requirements.txt").read_text()
    found = json.loads((tmp_path / "told").read_text())["components"]
    told = {(item["name"], item["version"]) for item in found}
    assert told == set(re.findall(r"^([\w.-]+)==([\w.+!-]+)", text, re.MULTILINE))
    hashes = {
        one["content"] for item in found for link in item["externalReferences"] for one in link["hashes"]
    }
    assert hashes == set(re.findall(r"--hash=sha256:(\w+)", text))


def test_what_is_no_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="is no lock file that CycloneDX reads"):
        of_lock("README.md.missing", tmp_path / "none")
