import subprocess
from pathlib import Path

import pytest

from deploy.local import erlang, node
from deploy.local.alias import LOCAL, plain
from deploy.local.erlang import Installation
from deploy.local.errors import LocalError
from deploy.local.node import Node
from deploy.local.packages import Packages


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.local` of a clone in a folder with a blank, an umlaut and brackets, and a place for aliases."""
    temporary = tmp_path / "temporary"
    local = tmp_path / "Stellwerk Süd [1]" / ".local"
    for folder in (temporary, local):
        folder.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return local


def test_a_plain_path_stays_as_it_is_and_nothing_is_made(tmp_path: Path) -> None:
    assert plain(tmp_path / "a", tmp_path) == tmp_path / "a"
    assert not list(tmp_path.iterdir())


def test_another_path_leads_to_the_same_folder_by_a_plain_one(local: Path) -> None:
    folder = local / "demo"
    folder.mkdir()
    alias = plain(folder, local)
    assert str(alias).isascii()
    assert not set(" []") & set(str(alias))
    assert alias.samefile(folder)
    assert plain(folder, local) == alias


def test_only_its_owner_may_enter_the_folder_of_an_alias(local: Path) -> None:
    private = plain(local, local).parent
    assert private.stat().st_mode & 0o777 == 0o700
    assert (local / "private").readlink() == private


def test_an_alias_that_somebody_else_could_change_is_not_used(local: Path) -> None:
    private = plain(local, local).parent
    private.chmod(0o777)
    assert plain(local, local).parent != private


def test_an_alias_that_was_swept_away_is_made_anew(local: Path) -> None:
    private = plain(local, local).parent
    (private / "local").unlink()
    private.rmdir()
    assert plain(local, local).samefile(local)


def test_the_alias_of_a_copy_that_was_moved_leads_to_where_it_is_now(local: Path) -> None:
    plain(local, local)
    moved = local.rename(local.with_name("moved here"))
    assert plain(moved, moved).samefile(moved)


def test_a_folder_elsewhere_is_one_sentence(local: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"RabbitMQ cannot run in .*/a b, only in .* set TMPDIR to one"):
        plain(tmp_path / "a b", local)


def test_a_temporary_folder_that_is_not_plain_is_one_sentence(
    local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a b"))
    with pytest.raises(LocalError, match=r"TMPDIR \(.*/a b\) must be a path of ASCII letters"):
        plain(local, local)


def test_a_node_is_told_of_plain_paths_only(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "plain", lambda folder: plain(folder, local))
    here = Installation(Path("/here"), Path("/here/epmd"), "/here")
    told = Node(here, local, local / "log", "user", "secret").environment()
    assert not [name for name, value in told.items() if str(local) in value]
    assert Path(told["RABBITMQ_CONFIG_FILE"]).samefile(local / "rabbitmq.conf")


def test_unpacked_packages_are_run_by_a_plain_path(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erlang, "plain", lambda folder: plain(folder, local))
    programs = local / "dist/usr/lib/erlang/erts-1/bin"
    for folder in (
        programs,
        programs.parents[1] / "bin",
        local / "dist/usr/lib/rabbitmq/lib/rabbitmq_server-1/sbin",
    ):
        folder.mkdir(parents=True)
    found = erlang.unpacked(local / "dist", Packages(local / "apt"))
    written = (programs / "erl").read_text()
    for path in (found.scripts, found.epmd, found.path, *found.extra.values(), written):
        assert str(local) not in str(path)
    assert found.scripts.is_dir()


@pytest.mark.parametrize("made", [True, False])
def test_make_clean_deletes_the_folder_of_an_alias(local: Path, made: bool) -> None:
    private = plain(local, local).parent if made else local / "nothing"
    other = local.parent.parent / "temporary" / "other"
    other.touch()
    command = ["make", f"--file={LOCAL.parent / 'Makefile'}", "clean"]
    subprocess.run(command, cwd=local.parent, check=True)
    assert not private.exists()
    assert not local.exists()
    assert other.exists()
