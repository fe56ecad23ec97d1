"""Every role runs from the built image as its manifest says: uid 10001, read-only root, secrets as files."""

import json
import re

import pytest

from deploy.cluster.engine import ROOT, Engine, full_name
from deploy.cluster.sbom import of_image
from tests.image.containers import Container, Containers
from tests.live.processes import eventually
from tests.manifests.rendered import documents, of_kind, ours

BASE = documents(ROOT / "k8s" / "base")
#: `toolbox` is none: it has a shell of its own.
ROLES = {
    name: item for name, item in ours(BASE).items() if item["kind"] == "Deployment" and name != "toolbox"
}


@pytest.fixture(scope="module")
def config() -> dict[str, str]:
    """The ConfigMap's."""
    (found,) = of_kind(BASE, "ConfigMap").values()
    return dict(found["data"])


@pytest.fixture(scope="module")
def released(containers: Containers, config: dict[str, str]) -> Containers:
    """After the release Job, which every role needs."""
    job = containers.start(ours(BASE)["release"], config)
    assert job.popen.wait(120) == 0, job.text()
    return containers


@pytest.mark.parametrize("name", ROLES)
def test_a_role_starts_passes_its_probes_and_leaves_at_sigterm(released, config, name) -> None:
    role = released.start(ROLES[name], config)
    spec = ROLES[name]["spec"]["template"]["spec"]["containers"][0]
    for probe in spec.keys() & {"startupProbe", "readinessProbe", "livenessProbe"}:
        eventually(lambda probe=probe: role.passes(probe), what=f"{name}'s {probe}")
    assert_confined(role)
    print(f"{name}: {resident_mib(role)} MiB resident at rest")
    assert role.stop() == 0, role.text()


def assert_confined(role: Container) -> None:
    assert role.run("id", "-u").stdout.strip() == "10001"
    status = role.run("grep", "-E", "CapEff|NoNewPrivs", "/proc/1/status").stdout.split()
    assert status == ["CapEff:", "0000000000000000", "NoNewPrivs:", "1"]
    assert "Read-only file system" in role.run("touch", "/srv/switchyard/written").stderr
    assert role.run("cat", "/run/secrets/switchyard/secret-key").returncode == 0


def resident_mib(role: Container) -> int:
    """Of all its processes, each page that they share counted once."""
    lines = role.run("sh", "-c", "cat /proc/[0-9]*/smaps_rollup 2>/dev/null").stdout.splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


@pytest.fixture(scope="module")
def worker(released: Containers, config: dict[str, str]) -> Container:
    role = released.start(ROLES["worker-cpu"], config)
    eventually(lambda: role.passes("readinessProbe"), what="a fresh heartbeat")
    return role


@pytest.mark.parametrize(
    ("age", "ready", "alive"),
    [
        ("30 seconds", True, True),
        ("2 minutes", False, True),
        ("11 minutes", False, False),
        (None, False, False),
    ],
)
def test_a_worker_is_unready_soon_and_restarted_late_after_its_last_heartbeat(
    worker, age, ready, alive
) -> None:
    """Asked of a file that the worker does not touch: what `find` and `test` in the image make of it."""
    other = "/tmp/another-heartbeat"  # noqa: S108 - in the container
    worker.run("rm", "-f", other)
    if age:
        worker.run("touch", f"--date={age} ago", other)
    assert worker.passes("readinessProbe", HEARTBEAT_FILE=other) is ready
    assert worker.passes("livenessProbe", HEARTBEAT_FILE=other) is alive


def test_the_image_holds_the_service_and_no_tool_to_build_or_install(worker: Container) -> None:
    assert worker.run("ls", "/srv/switchyard").stdout.split() == [
        "app",
        "requirements.txt",
        "static",
        "switchyard",
    ]
    assert worker.run("python", "-m", "pip", "--version").returncode != 0
    assert worker.run("sh", "-c", "command -v gcc cc make git").stdout == ""
    assert "staticfiles.json" in worker.run("ls", "/srv/switchyard/static").stdout


def test_the_image_says_what_it_is(engine: Engine, image: str) -> None:
    labels = engine.say("image", "inspect", "--format={{json .Config.Labels}}", image)
    assert '"org.opencontainers.image.revision":"test"' in labels
    print(f"{image}: {engine.size(image)} with its base")


def test_two_builds_of_a_commit_are_the_same_image(engine: Engine, image: str) -> None:
    """Neither the hour nor the machine is in it: who doubts a digest builds it and compares."""
    another = full_name("switchyard:another")
    engine.build(another, "test", options=["--no-cache"])
    first, second = (engine.say("image", "inspect", "--format={{.Id}}", name) for name in (image, another))
    assert first == second or not engine.dates


def test_bytecode_is_used_whatever_its_source_is_dated(worker: Container) -> None:
    """Where that counts, an image whose files are dated anew has every process compile it all again."""
    look = "import app.settings as it; print(open(it.__cached__, 'rb').read(8)[4])"
    assert worker.run("python", "-c", look).stdout.strip() == "1"


def test_the_bill_of_the_image_names_what_is_in_it_and_is_the_same_each_time(
    engine: Engine, image: str
) -> None:
    bill = of_image(engine, image)
    assert bill == of_image(engine, image)
    urls = {item["purl"] for item in json.loads(bill)["components"]}
    locked = re.findall(r"^([\w.-]+)==([\w.+!-]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert {f"pkg:pypi/{name}@{version}" for name, version in locked} <= urls
    assert any(url.startswith("pkg:deb/debian/libc6@") for url in urls)
