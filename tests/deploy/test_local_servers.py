from pathlib import Path

import pytest

from deploy.local import rabbitmq, servers
from deploy.local.container import Container
from deploy.local.erlang import Installation
from deploy.local.errors import LocalError
from deploy.local.node import Node

HERE = Installation(Path("/here"), Path("/here/epmd"), "/here")
NEWER = Installation(Path("/newer"), Path("/newer/epmd"), "/newer")
UNPACKED = Installation(Path("/unpacked"), Path("/unpacked/epmd"), "/unpacked")


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the machine has to offer; a test sets what is missing to None."""
    offer: dict[str, object] = {"installed": HERE, "packages": UNPACKED, "engine": "docker"}

    def unpack(reasons: list[str]) -> object:
        if offer["packages"] is None:
            reasons.append("this system has no apt")
        return offer["packages"]

    monkeypatch.setattr("deploy.local.erlang.installed", lambda: offer["installed"])
    monkeypatch.setattr(servers, "_from_packages", unpack)
    monkeypatch.setattr(servers, "_from_suite", lambda suite: NEWER)
    monkeypatch.setattr(servers, "engine", lambda: offer["engine"])
    return offer


def test_an_installed_server_comes_first(sources: dict[str, object], tmp_path: Path) -> None:
    server = servers.choose_server(tmp_path, tmp_path / "log")
    assert isinstance(server, Node)
    assert server.installation is HERE


def test_the_distributions_packages_come_second(sources: dict[str, object], tmp_path: Path) -> None:
    sources["installed"] = None
    server = servers.choose_server(tmp_path, tmp_path / "log")
    assert isinstance(server, Node)
    assert server.installation is UNPACKED


def test_a_named_suite_comes_before_all(sources: dict[str, object], tmp_path: Path) -> None:
    server = servers.choose_server(tmp_path, tmp_path / "log", "newer")
    assert isinstance(server, Node)
    assert server.installation is NEWER


def test_a_container_comes_third(sources: dict[str, object], tmp_path: Path) -> None:
    sources["installed"] = sources["packages"] = None
    assert isinstance(servers.choose_server(tmp_path, tmp_path / "log"), Container)


def test_without_any_source_one_sentence_says_why_and_what_to_do(
    sources: dict[str, object], tmp_path: Path
) -> None:
    sources.update(installed=None, packages=None, engine=None)
    with pytest.raises(LocalError, match=r"no apt; no container engine.*set BROKER_URL"):
        servers.choose_server(tmp_path, tmp_path / "log")


def test_a_given_broker_is_used_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BROKER_URL", "pyamqp://a:b@example.test/")
    monkeypatch.setenv("BROKER_MANAGEMENT_URL", "http://a:b@example.test:15672")
    monkeypatch.setattr(rabbitmq, "given_version", lambda url, management_url: "4.3.6")
    with rabbitmq.start_broker(tmp_path / "home", log=tmp_path / "log") as broker:
        assert (broker.url, broker.version, broker.server) == ("pyamqp://a:b@example.test/", "4.3.6", None)
        with pytest.raises(LocalError, match="cannot be killed from here"):
            broker.kill()
    assert not (tmp_path / "home").exists()


def test_a_given_broker_that_does_not_answer_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BROKER_URL", "pyamqp://a:b@127.0.0.1:1/")
    with pytest.raises(LocalError, match=r"No broker answers at 127\.0\.0\.1:1 \(BROKER_URL\)"):
        rabbitmq.start_broker(tmp_path, log=tmp_path / "log")


def test_a_container_is_reached_on_loopback_only_and_its_password_is_on_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr("deploy.local.container.spawn", lambda command, **_: commands.append(command))
    monkeypatch.setattr(Container, "_engine", lambda self, *arguments: None)
    Container("docker", tmp_path, tmp_path / "log", "user", "secret").start()
    published = [word for word in commands[0] if word.startswith("--publish")]
    assert len(published) == 2
    assert all(word.startswith("--publish=127.0.0.1:") for word in published)
    assert not any("secret" in word for word in commands[0])
