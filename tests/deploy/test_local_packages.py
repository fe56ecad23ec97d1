from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.packages import Packages, private_options, sandbox_options, suite_options


class Recorded(Packages):
    """Packages whose attempts fail until the lists are those that `good` names."""

    def __init__(self, state: Path, good: str) -> None:
        super().__init__(state)
        self.good = good
        self.lists = "machine"
        self.attempts: list[str] = []

    def _unpack(self, name: str, into: Path, dependencies: tuple[str, ...]) -> None:
        self.attempts.append(self.lists)
        if self.lists != self.good:
            raise LocalError("not there")

    def _use_private_lists(self) -> None:
        self.lists = "private"

    def _fetch_lists(self) -> None:
        self.lists = "fetched"


@pytest.mark.parametrize(
    ("good", "attempts"),
    [
        ("machine", ["machine"]),
        ("private", ["machine", "private"]),
        ("fetched", ["machine", "private", "fetched"]),
    ],
)
def test_lists_are_fetched_only_when_those_at_hand_do_not_serve(
    tmp_path: Path, good: str, attempts: list[str]
) -> None:
    packages = Recorded(tmp_path, good)
    packages.unpack("erlang-base", tmp_path / "into")
    assert packages.attempts == attempts


def test_a_package_that_no_list_has_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="not there"):
        Recorded(tmp_path, "nowhere").unpack("erlang-base", tmp_path / "into")


def test_private_options_keep_every_folder_of_apt_under_the_state(tmp_path: Path) -> None:
    options = private_options(tmp_path)
    folders = {option.partition("=")[0]: option.partition("=")[2] for option in options if "=" in option}
    assert folders["Dir::State::lists"] == str(tmp_path / "lists")
    assert folders["Dir::Cache"] == str(tmp_path / "cache")
    assert (tmp_path / "lists" / "partial").is_dir()
    assert (tmp_path / "cache" / "archives" / "partial").is_dir()


def test_root_downloads_as_root_since_the_sandbox_user_may_not_enter_the_folder() -> None:
    assert sandbox_options(0) == ["-o", "APT::Sandbox::User=root"]
    assert sandbox_options(1000) == []


def test_a_suite_is_the_only_source_and_comes_from_the_machines_own_mirror(tmp_path: Path) -> None:
    options = suite_options(tmp_path, "newer", "http://mirror.test/debian")
    assert (tmp_path / "sources.list").read_text() == "deb http://mirror.test/debian newer main\n"
    assert f"Dir::Etc::sourcelist={tmp_path / 'sources.list'}" in options
    assert "Dir::Etc::sourceparts=/dev/null" in options
