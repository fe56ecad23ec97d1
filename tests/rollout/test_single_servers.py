"""The local overlay's RabbitMQ and PostgreSQL start by their own commands and configuration.

RabbitMQ is the distribution's, of the image's version, PostgreSQL a wheel's: what the images themselves bring
(entry script, user, read-only root) is not tried here.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.cluster.secrets import generated
from deploy.local.cluster import _NOBODY, _privileges
from deploy.local.home import claimed
from deploy.local.node import Node
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.postgres import Postgres
from deploy.local.processes import bound
from deploy.local.readiness import ready_version
from deploy.local.servers import installation
from switchyard.routing import QUEUES
from tests.live.processes import ROOT, eventually
from tests.manifests.rendered import Document, container, documents, of_kind, pod
from tests.rollout import mounts

LOCAL = documents(ROOT / "k8s" / "overlays" / "local")
SECRETS = generated()
#: The release of Debian that has the image's RabbitMQ.
SUITE = "forky"
#: What the image has under /etc/rabbitmq, beside what is mounted there.
IMAGE = {
    "conf.d/10-defaults.conf": "loopback_users.guest = false\nlog.console = true\n",
    "enabled_plugins": "[rabbitmq_management,rabbitmq_prometheus].\n",
}


class Manifested(Node):
    """A node that is started by the StatefulSet's command instead of by its own."""

    def __init__(self, home: Path, log: Path, workload: Document) -> None:
        real = installation()
        scripts = home / "scripts"
        scripts.mkdir()
        for script in real.scripts.iterdir():
            (scripts / script.name).symlink_to(script)
        super().__init__(replace(real, scripts=scripts), home, log, "unused", "unused")
        place(workload, home, self.management_port)
        server = scripts / "rabbitmq-server"
        server.unlink()
        server.write_text(started(workload, home, real.scripts))
        server.chmod(0o755)


def place(workload: Document, home: Path, management_port: int) -> None:
    """The files that the container would find, and other ports than those of a machine of its own."""
    maps = {name: item["data"] for name, item in of_kind(LOCAL, "ConfigMap").items()}
    mounts.write(pod(workload), home, {"secret": SECRETS, "configMap": maps})
    (prometheus,) = free_ports(1)
    ports = {"management.tcp": management_port, "prometheus.tcp": prometheus}
    lines = [f"{what}.ip = {LOOPBACK}\n{what}.port = {port}\n" for what, port in ports.items()]
    for name, text in (IMAGE | {"conf.d/15-ports.conf": "".join(lines)}).items():
        (home / "etc" / "rabbitmq" / name).write_text(text)
    # `rabbitmqctl` here is not in the container, and has the node's cookie from its own home.
    variables = {item["name"]: item["value"] for item in container(workload)["env"]}
    shutil.copy(home / ".erlang.cookie", moved(variables["HOME"], home))


def started(workload: Document, home: Path, scripts: Path) -> str:
    """The container's command and variables as a script; each absolute path is one under ``home``."""
    spec = container(workload)
    variables = [f"export {item['name']}='{moved(item['value'], home)}'" for item in spec["env"]]
    assert spec["command"] == ["sh", "-c"]
    return "\n".join(
        ["#!/bin/sh", f"export PATH='{scripts}':\"$PATH\"", *variables, moved(spec["args"][0], home)]
    )


def moved(text: str, home: Path) -> str:
    return re.sub(r"/(run|tmp|etc|var)\b", lambda found: f"{home}{found[0]}", text)


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    workload = of_kind(LOCAL, "StatefulSet")["rabbitmq"]
    folder = tmp_path_factory.mktemp("rabbitmq")
    with pytest.MonkeyPatch.context() as patch, claimed(folder / "node") as home:
        patch.setenv("RABBITMQ_SUITE", SUITE)
        node = Manifested(home, folder / "node.log", workload)
        node.start()
        try:
            until_ready(node)
            yield node
        finally:
            node.stop()


def urls(node: Node) -> dict[str, str]:
    """What ``make secrets`` gives the release Job, at this node's ports."""
    parts = urlsplit(SECRETS["switchyard-broker"]["release"])
    login = parts.netloc.rpartition("@")[0]
    return {
        "BROKER_URL": parts._replace(netloc=f"{login}@{LOOPBACK}:{node.port}").geturl(),
        "BROKER_MANAGEMENT_URL": f"http://{login}@{LOOPBACK}:{node.management_port}",
    }


def until_ready(node: Node) -> str:
    """Its version."""
    given = urls(node)
    return ready_version(given["BROKER_URL"], given["BROKER_MANAGEMENT_URL"], node.running, node.log, 180)


def test_rabbitmq_takes_its_configuration_and_lets_the_roles_in(rabbitmq: Node) -> None:
    version = until_ready(rabbitmq)
    image = container(of_kind(LOCAL, "StatefulSet")["rabbitmq"])["image"]
    assert image.startswith(f"rabbitmq:{version.rpartition('.')[0]}.")
    with httpx.Client(base_url=urls(rabbitmq)["BROKER_MANAGEMENT_URL"], timeout=30) as management:
        assert [user["name"] for user in management.get("/api/users").json()] == ["switchyard"]
        assert management.get("/api/vhosts/switchyard").json()["default_queue_type"] == "quorum"
    # From other addresses than its own too, which is where every pod comes from.
    assert rabbitmq.ctl("eval", "application:get_env(rabbit, loopback_users).").strip() == "{ok,[]}"


def test_the_topology_can_be_applied_to_it(rabbitmq: Node, environment: dict[str, str]) -> None:
    for verb in ("apply", "check"):
        command = [sys.executable, "-m", "app", "topology", verb]
        env = os.environ | environment | urls(rabbitmq)
        result = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    found = rabbitmq.ctl("list_queues", "--vhost=switchyard", "name", "type")
    assert {f"{name}\tquorum" for name in QUEUES} <= set(found.splitlines())


def test_its_password_is_in_no_file_that_others_may_read(rabbitmq: Node) -> None:
    password = SECRETS["servers"]["rabbitmq-password"]
    files = [file for file in (rabbitmq.home / "tmp").rglob("*") if file.is_file()]
    holding = [file for file in files if password in file.read_text(errors="replace")]
    assert holding
    assert [file.name for file in holding if file.stat().st_mode & 0o077] == []


def test_rabbitmq_comes_back_on_the_volume_of_a_pod_that_is_gone(rabbitmq: Node) -> None:
    workload = of_kind(LOCAL, "StatefulSet")["rabbitmq"]
    rabbitmq.ctl("add_vhost", "kept")
    rabbitmq.stop()
    remount(workload, rabbitmq.home)
    rabbitmq.start()
    until_ready(rabbitmq)
    with httpx.Client(base_url=urls(rabbitmq)["BROKER_MANAGEMENT_URL"], timeout=30) as management:
        assert management.get("/api/vhosts/kept").status_code == 200


def remount(workload: Document, home: Path) -> None:
    """What a new pod finds: the claims as the kubelet opens them to fsGroup, and empty folders otherwise."""
    claims = {claim["metadata"]["name"] for claim in workload["spec"]["volumeClaimTemplates"]}
    empty = {volume["name"] for volume in pod(workload)["volumes"] if "emptyDir" in volume}
    for mount in container(workload)["volumeMounts"]:
        folder = home / mount["mountPath"].lstrip("/")
        if mount["name"] in empty:
            shutil.rmtree(folder)
            folder.mkdir()
        if mount["name"] in claims:
            for path in (folder, *folder.rglob("*")):
                path.chmod(path.stat().st_mode | (0o2770 if path.is_dir() else 0o660))


def test_a_cookie_that_the_group_may_read_is_what_rabbitmq_refuses(tmp_path: Path) -> None:
    """The control: why a cookie on a volume that is opened to a group ends every start after the first."""
    with pytest.MonkeyPatch.context() as patch, claimed(tmp_path / "node") as home:
        patch.setenv("RABBITMQ_SUITE", SUITE)
        node = Node(installation(), home, tmp_path / "node.log", "unused", "unused")
        (home / ".erlang.cookie").chmod(0o660)
        node.start()
        try:
            eventually(lambda: not node.running(), what="a node that does not start")
        finally:
            node.stop()
        assert "must be accessible by owner only" in node.log.read_text()


def test_postgres_takes_its_arguments(postgres: Postgres) -> None:
    """``-C`` prints what the server would run with; the image's entry script passes the arguments on."""
    assert postgres.cluster
    arguments = container(of_kind(LOCAL, "StatefulSet")["postgres"])["args"]
    name, value = arguments[-1].split("=")
    server = [str(postgres.cluster.binaries / "postgres"), "-D", str(postgres.cluster.data)]
    command = bound([*server, *arguments, "-C", name], privileges=_privileges())
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert asked.stdout.strip() == value, asked.stderr


@pytest.mark.parametrize(("mode", "refused"), [(0o2770, True), (0o700, False)])
def test_the_volume_of_postgres_is_not_opened_to_a_group_which_it_would_refuse(
    postgres: Postgres, tmp_path: Path, mode: int, refused: bool
) -> None:
    """What the kubelet would make of PGDATA at each mount, and what it leaves with the policy."""
    assert postgres.cluster
    binaries, privileges = postgres.cluster.binaries, _privileges()
    with claimed(tmp_path / "home") as home:
        data = home / "data"
        data.mkdir()
        (data / "postgresql.conf").touch()
        if privileges:
            shutil.chown(data, _NOBODY, _NOBODY)
        data.chmod(mode)
        command = bound([str(binaries / "postgres"), "-D", str(data)], privileges=privileges)
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert ("has invalid permissions" in said) is refused, said
    security = pod(of_kind(LOCAL, "StatefulSet")["postgres"])["securityContext"]
    assert security["fsGroupChangePolicy"] == "OnRootMismatch"


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_the_probes_of_postgres_pass_only_when_it_answers_where_the_roles_ask(
    postgres: Postgres, probe: str
) -> None:
    """By TCP: while the image's entry script makes the database, the server has a socket and no port."""
    assert postgres.cluster
    name, *rest = container(of_kind(LOCAL, "StatefulSet")["postgres"])[probe]["exec"]["command"]
    command = [str(postgres.cluster.binaries / name), *rest]
    for port, answer in ((urlsplit(postgres.url).port, 0), (free_ports(1)[0], 2)):
        env = {**os.environ, "PGPORT": str(port)}
        assert subprocess.run(command, env=env, check=False).returncode == answer


def test_no_probe_of_rabbitmq_starts_an_erlang_machine_beside_the_one_it_looks_at() -> None:
    """On a busy node that takes longer than any timeout, and a broker that is well would be restarted."""
    found = container(of_kind(LOCAL, "StatefulSet")["rabbitmq"])
    probes = [found[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert [probe for probe in probes if "exec" in probe] == []
