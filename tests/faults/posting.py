"""Web requests, each answered by a process of its own, so that each may die of its own.

    python -m tests.faults.posting TASK PREFIX COUNT

Prints the keys that were answered with 202. With ``tests.faults.failing.patch`` named in FAILPOINT
(``module:name moment call``) each process dies there.
"""

import os
import sys
from importlib import import_module

import django
from django.conf import settings
from django.test import Client

from tests.faults.failing import patch


def main(task: str, prefix: str, count: str) -> None:
    django.setup()
    if os.environ.get("FAILPOINT"):
        place, moment, call = os.environ["FAILPOINT"].split()
        patch(place, moment, int(call))
    import_module(settings.ROOT_URLCONF)
    client = Client(headers={"host": "localhost"})
    client.handler.load_middleware()
    for number in range(int(count)):
        if os.fork() == 0:
            _post(client, task, f"{prefix}-{number}")
        os.wait()


def _post(client: Client, task: str, key: str) -> None:
    answer = client.post("/promise", {"key": key, "task": task}, content_type="application/json")
    print(key if answer.status_code == 202 else answer.content, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
