"""Which release sent a task and which ran it, read from the pods' own logs."""

import json
from collections import Counter
from collections.abc import Iterator

from tests.rollout.cluster import Cluster
from tests.rollout.pod import Pod


def journeys(cluster: Cluster) -> Counter[tuple[str, str, str]]:
    """How many tasks were sent and run, by (task, release that sent, release that ran)."""
    sender = {task_id: pod.release for pod in cluster.pods for _, task_id in logged(pod, "task_accepted")}
    return Counter(
        (task, sender[task_id], pod.release)
        for pod in cluster.pods
        for task, task_id in logged(pod, "task_finished")
        if task_id in sender
    )


def logged(pod: Pod, event: str) -> Iterator[tuple[str, str]]:
    """Task and task id of each line of that event."""
    for line in pod.text().splitlines():
        if line.startswith("{") and f'"{event}"' in line:
            fields = json.loads(line)
            yield fields["task"], fields["task_id"]
