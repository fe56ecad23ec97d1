"""What stands for a cluster: the rendered overlay, its Secrets, and pods as processes of this machine."""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import randrange
from urllib.parse import urlsplit

import certifi

from deploy.local.processes import spawn
from tests.live.processes import ROOT, eventually
from tests.manifests.rendered import Document, container, documents, of_kind, ours
from tests.rollout import mounts
from tests.rollout.deployment import Deployment
from tests.rollout.pod import Pod
from tests.rollout.probes import Container

#: How the image is entered.
ENTRY: list[str] = json.loads(
    re.findall(r"^ENTRYPOINT (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
)
#: A pod has a host name of its own, by which a worker is known to the broker.
NAMED = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--uts", "--"]
NAMED += ["sh", "-c", 'hostname "$0" && exec "$@"']

Change = Callable[[Document], None]


@dataclass
class Cluster:
    """Runs one overlay. ``secrets`` are Secret to key to value; ``management_port`` is the broker's."""

    overlay: str
    folder: Path
    secrets: dict[str, dict[str, str]]
    management_port: int
    deployments: dict[str, Deployment] = field(default_factory=dict)
    jobs: list[Pod] = field(default_factory=list)
    #: The first two numbers of the pods' addresses, each of which is a loopback one of its own.
    network: str = field(default_factory=lambda: f"127.{randrange(1, 250)}.{randrange(1, 250)}")

    @property
    def found(self) -> list[Document]:
        return documents(ROOT / "k8s" / "overlays" / self.overlay)

    @property
    def pods(self) -> list[Pod]:
        return [*self.jobs, *(pod for one in self.deployments.values() for pod in one.pods)]

    @property
    def host(self) -> str:
        """The name that web answers to."""
        return self._config()["ALLOWED_HOSTS"].split(",")[0]

    def run_job(self, name: str, release: str, *arguments: str) -> str:
        """Run a Job of the overlay, or another command in its place, to its end. Returns what it said."""
        pod = self.start_job(name, release, *arguments)
        assert pod.popen.wait(180) == 0, pod.text()
        return pod.text()

    def start_job(self, name: str, release: str, *arguments: str) -> Pod:
        workload = deepcopy(ours(self.found)[name])
        container(workload)["args"] = [*arguments] or container(workload)["args"]
        pod = self._pod(workload, release, 0)
        self.jobs.append(pod)
        return pod

    def apply(self, release: str, *names: str, change: Change = lambda _: None) -> None:
        """Give these Deployments (all, if none is named) a template with the release's image."""
        workloads = of_kind(self.found, "Deployment")
        for name in names or workloads:
            workload = deepcopy(workloads[name])
            change(workload)
            self.deployments.setdefault(name, Deployment(self._pod)).apply(workload, release)

    def until_rolled(self, within: float = 300) -> float:
        """Until every pod is of the last template and available, and every other one is gone. Seconds."""
        began = time.monotonic()
        eventually(self._sync, within=within, what="every Deployment rolled out")
        return time.monotonic() - began

    def until_mixed(self, *names: str) -> None:
        """Until each of these has a ready pod of both templates, and go no further until ``release_held``."""
        for name in names:
            self.deployments[name].held = True

        def mixed() -> bool:
            self._sync()
            return all(len(self.deployments[name].ready_revisions()) == 2 for name in names)

        eventually(mixed, within=300, what=f"ready pods of both releases of {names}")

    def release_held(self) -> None:
        for one in self.deployments.values():
            one.held = False

    def set_secret(self, name: str, key: str, value: str) -> None:
        """Change a Secret, and with it the files of the pods that mount it."""
        self.secrets[name][key] = value
        for pod in self.pods:
            if not pod.gone:
                mounts.write(pod.template["spec"], pod.folder, self._objects())

    def complaints(self) -> list[str]:
        """Probes that failed, and pods that ended unasked."""
        return [complaint for pod in self.pods for complaint in pod.complaints]

    def bad_ends(self) -> list[str]:
        """Pods that were killed after their grace period, or ended with another exit code than 0."""
        return [
            f"{pod.name} ended with {pod.popen.returncode}"
            for pod in self.pods
            if pod.popen.poll() is not None and (pod.killed or pod.popen.returncode)
        ]

    def end(self) -> None:
        for pod in self.pods:
            pod.kill()

    def _sync(self) -> bool:
        assert self.complaints() == [], "\n".join([*self.complaints(), *self._last_words()])
        unfinished = [one for one in self.deployments.values() if not one.sync()]
        return not unfinished

    def _last_words(self) -> list[str]:
        return [pod.text()[-2000:] for pod in self.pods if pod.complaints]

    def _pod(self, workload: Document, release: str, revision: int) -> Pod:
        number = len(self.pods) + 1
        template = workload["spec"]["template"]
        name = f"{workload['metadata']['name']}-{release}-{number}"
        folder, address = self.folder / name, f"{self.network}.{number}"
        mounts.write(template["spec"], folder, self._objects())
        env = mounts.environment(template, folder, self._objects())
        command = [*NAMED, name, sys.executable, *ENTRY[1:]]
        spec = container(workload)
        env |= self._stand_ins(env, folder, release, address)
        with folder.with_suffix(".log").open("wb") as output:
            popen = spawn(
                [*command, *mounts.expanded(spec["args"], env)],
                home=self.folder,
                env=env,
                output=output,
                cwd=ROOT,
                death_signal="KILL",
            )
        ports = {port["name"]: port["containerPort"] for port in spec.get("ports", [])}
        pod = Pod(name, release, revision, template, Container(address, ports, env), popen, folder)
        if "startupProbe" in spec:
            pod.watch()
        return pod

    def _stand_ins(self, env: dict[str, str], folder: Path, release: str, address: str) -> dict[str, str]:
        """What the image and the network of a pod would give it."""
        tmp = str(folder / "tmp")
        given = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'tests' / 'rollout' / 'releases' / release}:{ROOT}",
            "DJANGO_SETTINGS_MODULE": "tests.rollout.settings",
            "PYTHONUNBUFFERED": "1",
            "HOME": tmp,
            "TMPDIR": tmp,
            "BIND_ADDRESS": address,
        }
        if file := env.get("BROKER_URL_FILE"):
            # The manifests' brokers have it on a port of its own beside AMQP; here both are free ports.
            login = urlsplit(Path(file).read_text()).netloc.rpartition(":")[0]
            given["BROKER_MANAGEMENT_URL"] = f"http://{login}:{self.management_port}"
        return given

    def _objects(self) -> mounts.Objects:
        return {
            "secret": self.secrets,
            "configMap": {
                **{name: item["data"] for name, item in of_kind(self.found, "ConfigMap").items()},
                "trust": {"bundle.pem": Path(certifi.where()).read_text()},
            },
        }

    def _config(self) -> dict[str, str]:
        (one,) = [
            item for name, item in of_kind(self.found, "ConfigMap").items() if name.startswith("settings-")
        ]
        return dict(one["data"])
