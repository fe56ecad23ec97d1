"""PostgreSQL where root starts it: as another user, from folders that only root may enter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import cluster
from deploy.local.cluster import Cluster
from deploy.local.errors import LocalError
from deploy.local.processes import bound
from tests.deploy.root import root_only

LOOK = "import os, sys; print(os.geteuid(), os.access(sys.argv[1], os.X_OK), open(sys.argv[1]).read())"


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A program that only its owner may see, in a folder that only its owner may enter."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    program = folder / "postgres"
    program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.1'")
    program.chmod(0o700)
    return program


@pytest.fixture
def refusing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A setpriv that does what its own first lines say."""
    setpriv = tmp_path / "bin" / "setpriv"
    setpriv.parent.mkdir()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{setpriv.parent}{os.pathsep}{os.environ['PATH']}")
    return setpriv


def write(script: Path, text: str) -> None:
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)


@root_only
def test_nobody_may_look_for_and_read_what_is_in_a_folder_that_only_root_may_enter(closed: Path) -> None:
    command = [sys.executable, "-c", LOOK, str(closed)]
    said = subprocess.run(
        bound(command, privileges=cluster._privileges()), capture_output=True, text=True, check=False
    )
    assert said.stdout.split()[:2] == ["65534", "True"], said.stderr


def test_an_ordinary_user_starts_it_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cluster._privileges() == []


def test_where_the_bit_cannot_be_set_the_capability_has_to_do(refusing: Path) -> None:
    write(refusing, 'case "$*" in *securebits*) echo "no right" >&2; exit 1;; esac')
    assert not [flag for flag in cluster._privileges() if "securebits" in flag]


def test_a_root_that_cannot_become_another_user_is_told_what_to_do(refusing: Path) -> None:
    write(refusing, 'echo "setpriv: setresuid failed: Invalid argument" >&2; exit 127')
    with pytest.raises(LocalError, match=r"\(setpriv: setresuid .*\): run this as an ordinary user, or set"):
        cluster._privileges()


def test_a_root_without_setpriv_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(LocalError, match=r"\(setpriv is missing\): run this as an ordinary user, or set"):
        cluster._privileges()


def test_data_that_cannot_be_given_away_is_one_sentence(
    closed: Path, refusing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a user namespace that knows one user only."""

    def refuse(*arguments: object) -> None:
        raise OSError(22, "Invalid argument")

    write(refusing, "true")
    monkeypatch.setattr("os.chown", refuse)
    with pytest.raises(LocalError, match=r"cannot be given to user 65534: Invalid argument.*: run this as"):
        Cluster(closed.parent, closed.parent, "user").create(closed)


@pytest.mark.parametrize(("user", "advice"), [(0, "move this copy to a folder"), (1000, "set DATABASE_URL")])
def test_a_failed_initdb_says_why_and_what_to_do(
    closed: Path, refusing: Path, monkeypatch: pytest.MonkeyPatch, user: int, advice: str
) -> None:
    write(refusing, '[ "$*" = "${*%initdb*}" ] || { echo "invalid binary" >&2; exit 1; }')
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("os.chown", lambda *arguments: None)
    with pytest.raises(LocalError, match=f"(?s)initdb failed in .*: invalid binary.*{advice}"):
        Cluster(closed.parent, closed.parent, "user").create(closed)
