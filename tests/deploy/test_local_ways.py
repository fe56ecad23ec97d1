"""The ways in which `make demos` tries `make demo`, and what it takes for a failure."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local import clone, ways
from deploy.local.clone import Clone, Way, fresh
from deploy.local.errors import LocalError
from deploy.local.pythons import Python, on_path, pythons
from tests.deploy.root import root_only
from tests.live.processes import eventually

HERE = Python((3, 11, 0), sys.executable)
MAKEFILE = """
demo:
\t@echo $(ARGS) > said; umask > mask; echo $$HOME $$TMPDIR > places
slow:
\t@(trap '' TERM; sleep 1; touch ended) & touch begun; wait
"""


def make_python(file: Path, answer: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{answer}\n")
    file.chmod(0o755)


def version(file: Path, minor: int, level: str = "final") -> None:
    make_python(file, f"""echo '["{file}", 3, {minor}, 1, "{level}"]'""")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose demo writes down how it was run."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "Makefile").write_text(MAKEFILE)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "all"]):
        subprocess.run(["git", *command], cwd=root, check=True)  # noqa: S607
    monkeypatch.setattr(clone, "ROOT", root)
    return root


def test_pythons_that_do_not_run_are_too_old_or_not_released_are_passed_over(tmp_path: Path) -> None:
    shims, programs = tmp_path / "shims", tmp_path / "programs"
    make_python(shims / "python3.13", "echo 'not chosen' >&2; exit 127")
    version(programs / "python3", 12)
    version(programs / "python3.11", 10)
    version(programs / "python3.14", 14, level="alpha")
    found = on_path(f"{shims}:{tmp_path}/none:{programs}")
    assert [str(python) for python in found] == ["3.12.1"]


def test_pythons_that_an_installer_keeps_are_found_without_a_path(tmp_path: Path) -> None:
    version(tmp_path / ".pyenv/versions/3.13.1/bin/python3", 13)
    version(tmp_path / ".local/share/uv/python/cpython-3.14/bin/python3", 14)
    version(tmp_path / "bin/python3.11", 11)
    found = pythons(str(tmp_path / "bin"), tmp_path)
    assert [str(python) for python in found] == ["3.11.1", "3.13.1", "3.14.1"]


def test_root_tries_every_circumstance_in_three_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = Python((3, 14, 0), "/newest")
    monkeypatch.setattr(ways, "pythons", lambda path: [HERE, newest])
    monkeypatch.setattr(ways, "on_path", lambda path: [HERE])
    closed, user, opened = ways.ways(is_root=True)
    assert (closed.mode, closed.user, closed.python, closed.umask) == (0o700, None, newest, 0o077)
    assert user.user
    assert (user.mode, user.python) == (0o755, HERE)
    assert (opened.mode, opened.user, opened.python) == (0o755, None, HERE)
    assert {" " in way.folder and not way.folder.isascii() for way in (user, opened)} == {True}
    assert [way.home for way in (user, opened)] == ["/proc", "/proc"]


def test_an_ordinary_user_tries_one_way_and_is_told_of_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    (way,) = ways.ways(is_root=False)
    assert way.user is None
    assert "Left out, since they need root" in capsys.readouterr().out


def test_a_demo_is_run_in_a_clone_as_its_way_says(repository: Path) -> None:
    way = Way("somehow", HERE, folder="a ü", umask=0o077)
    with fresh(way) as copy:
        assert copy.make("demo", "ARGS=--signups=1")
        said = [(copy.root / name).read_text().strip() for name in ("said", "mask", "places")]
        assert said == ["--signups=1", "0077", f"/proc {copy.temporary}"]
        assert (copy.root / "Makefile").stat().st_mode & 0o777 == 0o600
        assert (copy.around.stat().st_mode & 0o777, copy.root.parent.name) == (0o755, "a ü")
    assert not copy.around.exists()


def test_what_is_left_behind_is_named(tmp_path: Path) -> None:
    copy = Clone(Way("somehow", HERE), tmp_path)
    for folder in (copy.root / ".local", copy.temporary):
        folder.mkdir(parents=True)
    (copy.temporary / "socket").touch()
    assert copy.leftovers() == [
        f"`make clean` left {copy.root / '.local'}",
        f"`make clean` left {copy.temporary / 'socket'}",
    ]
    (copy.root / ".local").rmdir()
    (copy.temporary / "socket").unlink()
    assert copy.leftovers() == []


@pytest.mark.parametrize("how", ["names", "works in"])
def test_a_process_that_still_runs_is_named(tmp_path: Path, how: str) -> None:
    copy = Clone(Way("somehow", HERE), tmp_path)
    copy.temporary.mkdir()
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    named, place = ([str(copy.root)], None) if how == "names" else ([], copy.temporary)
    with subprocess.Popen([*sleep, *named], cwd=place) as process:
        found = copy.leftovers()
        process.kill()
    assert found == [f"process {process.pid} still runs"]


def test_an_interrupted_demo_has_ended_before_its_folder_is_deleted(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What make's own child has started ends after make."""
    with fresh(Way("somehow", HERE)) as copy:

        def interrupt(process: "subprocess.Popen[bytes]") -> int:
            monkeypatch.undo()
            eventually((copy.root / "begun").exists, within=30, what="the demo to begin")
            raise KeyboardInterrupt

        monkeypatch.setattr(subprocess.Popen, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            copy.make("slow")
        assert (copy.root / "ended").exists()


def test_a_verb_that_fails_is_a_problem_of_its_way(repository: Path) -> None:
    """The repository's Makefile has no `clean`."""
    assert ways.problems(Way("somehow", HERE), "") == ["`make clean` failed, see above"]


def test_a_way_that_cannot_be_prepared_is_a_problem_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def refused(way: Way) -> Iterator[Clone]:
        raise LocalError("no such luck")
        yield

    monkeypatch.setattr(ways, "fresh", refused)
    assert ways.problems(Way("somehow", HERE), "") == ["no such luck"]


@root_only
def test_a_user_is_made_for_a_way_and_gone_after_it(repository: Path) -> None:
    name = f"switchyard-t{os.getpid()}"
    with fresh(Way("somebody", HERE, user=name)) as copy:
        assert copy.root.owner() == name
        assert copy.make("demo")
        assert (copy.root / "said").owner() == name
    with pytest.raises(KeyError):
        pwd.getpwnam(name)
