"""The service on the nodes: two pods of each role that may have two, of a release that keeps books."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from deploy.cluster.deploy import deploy
from deploy.cluster.kubectl import Kubectl
from deploy.cluster.overlay import NAMESPACE
from tests.cluster.cluster import Result
from tests.node.cluster import Nodes
from tests.node.looking import eventually
from tests.node.overlays import local

#: Deployments, by how the names of their pods begin.
ROLES = ("web", "relay", "worker-io", "worker-cpu", "beat", "exporter")
#: In a pod, by the release's own settings.
CLOSE = """
import dataclasses, json, sys, django
django.setup()
from tests.faults.checker import verdict
from tests.faults.ledger.models import Promise
kept = Promise.objects.filter(key__startswith=sys.argv[1]).count()
print(json.dumps(dataclasses.asdict(verdict()) | {"kept": kept}))
"""
#: To whom the overlay opens web is the ingress's to say; here it is whoever is not in the cluster.
OPEN = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "allow-load-to-web", "namespace": NAMESPACE},
    "spec": {
        "podSelector": {"matchLabels": {"app.kubernetes.io/component": "web"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 8000, "protocol": "TCP"}]}
        ],
    },
}


@dataclass(frozen=True)
class Service:
    cluster: Nodes
    #: What web answers to.
    host: str = "localhost"
    #: The namespace of its servers.
    servers: str = NAMESPACE

    def bring(self, tag: str) -> None:
        """By the verb that an operator has, whatever runs meanwhile."""
        with local(tag) as chosen:
            deploy(Kubectl(chosen.context), chosen, yes=True)

    def open_books(self) -> None:
        """The ledger has no migrations: its tables are made beside those that `release` makes."""
        self.cluster.say("apply", "--server-side", "--filename=-", given=json.dumps(OPEN))
        self.execute("deployment/web", "python", "-m", "app", "migrate", "--run-syncdb", "--verbosity=0")

    @property
    def url(self) -> str:
        (service,) = self.cluster.get("service/web")
        return f"http://{service['spec']['clusterIP']}"

    def verdict(self, prefix: str) -> dict[str, Any]:
        """As tests.faults.checker has it, of all that was ever promised, and how many promises begin so."""
        found: dict[str, Any] = json.loads(self.execute("deployment/web", "python", "-c", CLOSE, prefix))
        return found

    def letters(self) -> int:
        """Dead ones, in every queue."""
        return sum(count for name, count in self.depths().items() if name.endswith(".dead"))

    def depths(self) -> dict[str, int]:
        """Queue to its messages, ready and with a worker."""
        queues = self.at_servers(
            "statefulset/rabbitmq",
            "rabbitmqctl",
            "--quiet",
            "list_queues",
            "--vhost=switchyard",
            "name",
            "messages",
        )
        counts = dict(line.split("\t") for line in queues.splitlines()[1:])
        return {name: int(count) for name, count in counts.items()}

    def at_servers(self, target: str, *command: str) -> str:
        return self.execute(target, *command, namespace=self.servers)

    def execute(self, target: str, *command: str, namespace: str = NAMESPACE) -> str:
        """What it prints, once a pod of the target takes it: one may just have been ended."""

        def tried() -> Result | None:
            done = self.cluster.kubectl("exec", f"--namespace={namespace}", target, "--", *command)
            return None if done.returncode else done

        done: subprocess.CompletedProcess[str] = eventually(tried, what=f"{target}: {' '.join(command)[:60]}")
        return done.stdout

    def pods(self, role: str) -> list[dict[str, Any]]:
        """Not those that are told to end. ``role`` is how their names begin."""
        found = self.cluster.get("pods")
        return [
            pod
            for pod in found
            if pod["metadata"]["name"].startswith(f"{role}-") and "deletionTimestamp" not in pod["metadata"]
        ]

    def delete(self, *what: str) -> None:
        """Asks for it, and does not wait."""
        done = self.cluster.kubectl("delete", "--wait=false", *what)
        assert done.returncode == 0, done

    def restarts(self) -> dict[str, int]:
        """Of each container that has been started anew in its pod, how often."""
        found = {pod["metadata"]["name"]: pod["status"] for role in ROLES for pod in self.pods(role)}
        counts = {
            name: sum(one["restartCount"] for one in status.get("containerStatuses", ()))
            for name, status in found.items()
        }
        return {name: count for name, count in counts.items() if count}

    def until_whole(self) -> None:
        """Every workload has what it should have, and every pod that was told to end is gone."""
        self.cluster.roll_out()
        eventually(lambda: not self.ending(), within=900, what="pods that have ended")

    def ending(self) -> list[str]:
        found = self.cluster.get("pods")
        return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" in pod["metadata"]]
