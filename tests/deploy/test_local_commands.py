"""Other programs: found where root's are too, and a failure of theirs is one sentence."""

from pathlib import Path

import pytest

from deploy.local import commands
from deploy.local.commands import output_of, program
from deploy.local.errors import LocalError


def write(program: Path, text: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_a_program_for_root_is_found_by_the_path_of_a_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root has it by `su` without `-`."""
    write(tmp_path / "sbin" / "useradd", 'echo "added $1"')
    monkeypatch.setattr(commands, "ROOTS_PATH", (str(tmp_path / "sbin"),))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert output_of(["useradd", "ada"]) == "added ada\n"


def test_a_program_of_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("bin", "sbin"):
        write(tmp_path / folder / "tool", "true")
    monkeypatch.setattr(commands, "ROOTS_PATH", (str(tmp_path / "sbin"),))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert program("tool") == str(tmp_path / "bin" / "tool")


def test_a_program_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="`no-such-program` is missing: install it"):
        output_of(["no-such-program", "at all"], cwd=tmp_path)


@pytest.mark.parametrize("said", ["echo first >&2; echo 'no such user' >&2", "echo 'no such user'"])
def test_a_program_that_fails_is_quoted_with_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    write(tmp_path / "userdel", f"{said}; exit 6")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(LocalError, match=r"`userdel ada` failed: no such user$"):
        output_of(["userdel", "ada"])
