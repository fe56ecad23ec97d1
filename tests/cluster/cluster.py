"""The cluster as its operator sees it: through kubectl."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.cluster.engine import ROOT
from deploy.cluster.overlay import NAMESPACE
from deploy.cluster.tools import tool
from deploy.local.processes import end, spawn
from tests.cluster.plane import Plane
from tests.live.processes import eventually
from tests.manifests.definitions import custom, definition, group
from tests.manifests.rendered import Document

Result = subprocess.CompletedProcess[str]
TIMEOUT = "--timeout=180s"


@dataclass(frozen=True)
class Cluster:
    plane: Plane

    @property
    def environment(self) -> dict[str, str]:
        """The checked kubectl first, and this cluster's context as the current one."""
        path = f"{Path(tool('kubectl')).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "KUBECONFIG": str(self.plane.kubeconfig)}

    def run(self, *command: str, given: str | None = None) -> Result:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def kubectl(self, *arguments: str, given: str | None = None) -> Result:
        """In the namespace of the service."""
        return self.run(tool("kubectl"), *arguments, given=given)

    def say(self, *arguments: str, given: str | None = None) -> str:
        """What it prints. A failure fails the test, and so does a warning."""
        result = self.kubectl(*arguments, given=given)
        assert (result.returncode, result.stderr) == (0, ""), f"kubectl {' '.join(arguments)}: {result}"
        return result.stdout

    def get(self, *arguments: str) -> list[Document]:
        found: dict[str, Any] = json.loads(self.say("get", "--output=json", *arguments))
        return list(found["items"]) if "items" in found else [found]

    def define(self, found: list[Document]) -> None:
        """The definitions of each custom resource among them, before which none can be applied."""
        kinds = sorted({(group(item), item["kind"]) for item in custom(found)})
        if not kinds:
            return
        items = [definition(*kind) for kind in kinds]
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, default=str)
        self.say("apply", "--server-side", "--filename=-", given=given)
        self.establish(*(item["metadata"]["name"] for item in items))

    def establish(self, *names: str) -> None:
        """Until these definitions are; of one without any state yet `kubectl wait` says no more than that."""
        asked = ("wait", "--for=condition=Established", TIMEOUT, *(f"crd/{name}" for name in names))
        eventually(lambda: not self.kubectl(*asked).returncode, what=" ".join(asked))

    def apply(self, folder: Path) -> None:
        """As the service does."""
        self.say("apply", "--server-side", "-k", str(folder))

    def roll_out(self) -> None:
        """Until every Deployment and StatefulSet is what it should be, and the release is over."""
        for name in self.say("get", "deployments,statefulsets", "--output=name").split():
            self.say("rollout", "status", name, TIMEOUT)
        if self.get("jobs"):
            self.say("wait", "job", "--all", "--for=condition=Complete", TIMEOUT)

    @contextmanager
    def watched(self) -> Iterator[Callable[[], list[tuple[str, int]]]]:
        """Gives what each Deployment had available, each time that its state changed in the block."""
        line = "--output=jsonpath={.metadata.name} {.status.availableReplicas}{'\\n'}"
        with (self.plane.folder / "watched").open("wb") as output:
            command = [tool("kubectl"), "get", "deployments", "--watch", line]
            watching = spawn(command, home=self.plane.folder, env=self.environment, output=output)
        try:
            yield lambda: [parsed(line) for line in Path(output.name).read_text().splitlines()]
        finally:
            end(watching, grace_seconds=0)

    def refused_pods(self) -> list[Document]:
        """The events that say so."""
        return self.get("events", "--field-selector=reason=FailedCreate")

    def settled(self, folder: Path) -> list[Document]:
        """All that the folder names, once two looks see the same: its controllers are done with it."""
        last: list[Document] = []

        def same() -> list[Document]:
            nonlocal last
            before, last = last, self.applied(folder)
            return last if last == before else []

        return list(eventually(same, what="a cluster that stands still"))

    def applied(self, folder: Path) -> list[Document]:
        """All that the folder names, as it is there, without the state that controllers write into it."""
        return [without_state(item) for item in self.get("-k", str(folder), "--show-managed-fields")]

    def empty(self) -> None:
        """Without the namespace, which is gone when this returns."""
        self.say("delete", "namespace", NAMESPACE, "--ignore-not-found", TIMEOUT)


def parsed(line: str) -> tuple[str, int]:
    """None available is nothing at all."""
    name, available = line.split(" ")
    return name, int(available or 0)


def without_state(document: Document) -> Document:
    """With who set each field and when. The version stays only where no controller ever changed it."""
    meta = document["metadata"]
    applied = [entry for entry in meta["managedFields"] if "subresource" not in entry]
    kept = {**meta, "managedFields": applied}
    if applied != meta["managedFields"]:
        del kept["resourceVersion"]
    return {**document, "metadata": kept, "status": None}
