"""`make restore`: a backup into the empty servers of an overlay, up to the moment before its roles start.

What waited when the backup was taken may have been done since: it is held, so that nothing is done twice in
silence.
"""

import json
from pathlib import Path
from typing import Any

from deploy.cluster import backup
from deploy.cluster.deploy import (
    REST,
    ROLE,
    ROLLOUT_TIMEOUT,
    apply,
    completed,
    confirm,
    release,
    say,
)
from deploy.cluster.kubectl import Kubectl
from deploy.cluster.logins import let_in
from deploy.cluster.missing import check_needs
from deploy.cluster.needs import rendered
from deploy.cluster.overlay import Overlay
from deploy.cluster.references import Document
from deploy.cluster.servers import BROKER, DATABASE, Servers, servers
from deploy.local.errors import LocalError

#: What `adopt-database` does with what waits.
WAYS = ("hold", "keep", "discard")
SERVING = f"{REST},{ROLE}!=release"
#: As the longest drain of a worker.
ENDED_TIMEOUT = "35m"


def restore(kubectl: Kubectl, overlay: Overlay, folder: Path, way: str, *, yes: bool) -> None:
    """Ends the roles, fills the servers, runs the release Job and `adopt-database`. Raises LocalError."""
    about, found = backup.contents(folder), rendered(kubectl, overlay)
    target = servers(kubectl, overlay.name, found)
    say(f"Restores {folder} ({about['overlay']}, {about['at']}) into empty servers at {kubectl.context}.")
    check_needs(kubectl, overlay, found)
    confirm("End every role there, and do it", yes=yes)
    serve(kubectl, overlay)
    check_empty(target)
    end_roles(kubectl)
    let_in(kubectl, target, folder)
    with (folder / backup.DATABASE).open("rb") as source:
        target.fill(source)
    release(kubectl, overlay)
    adopt(kubectl, found, way)
    say(counted(about["in_broker"], target.depths()))


def serve(kubectl: Kubectl, overlay: Overlay) -> None:
    """The servers alone: a release would fill the database with tables."""
    apply(kubectl, overlay, SERVING)
    for server in (DATABASE, BROKER):
        kubectl.show("rollout", "status", server, f"--timeout={ROLLOUT_TIMEOUT}")


def check_empty(target: Servers) -> None:
    if tables := target.tables():
        raise LocalError(
            f"The database has {tables} tables, and a backup is restored into an empty one: no role was "
            "ended. deploy/RESTORE.md says how to make it empty."
        )


def end_roles(kubectl: Kubectl) -> None:
    """And nothing beside them: a Service or a route that is made anew may have another address."""
    kubectl.show("delete", "deployments,jobs", f"--selector={ROLE}")
    kubectl.show("wait", "--for=delete", "pods", f"--selector={ROLE}", f"--timeout={ENDED_TIMEOUT}")


def adopt(kubectl: Kubectl, found: list[Document], way: str) -> None:
    """By a Job that is the release's but for what it runs, as no role is there to run it in."""
    (job,) = [item for item in found if item["kind"] == "Job"]
    job["metadata"] = {"name": "adopt-database", "labels": job["metadata"]["labels"]}
    container: dict[str, Any] = job["spec"]["template"]["spec"]["containers"][0]
    container["args"] = ["adopt-database", way, "--yes", "--by=restore"]
    kubectl.show("delete", "job", "adopt-database", "--ignore-not-found")
    kubectl.ask("create", "--filename=-", given=json.dumps(job, default=str))
    completed(kubectl, "adopt-database", "Nobody has adopted the database, and no role was started.")
    kubectl.show("logs", "job/adopt-database", "--tail=5")


def counted(then: dict[str, int], now: dict[str, int]) -> str:
    """What is in the broker and in no database, for a person."""
    return (
        f"In the broker when the backup was taken, and so in no dump: {listed(then)}. In it now: "
        f"{listed(now)}. deploy/RESTORE.md says what becomes of these, and of what is held. `make deploy` "
        "starts the roles."
    )


def listed(depths: dict[str, int]) -> str:
    """Of the queues that are not empty."""
    return ", ".join(f"{name} {count}" for name, count in depths.items() if count) or "nothing"
