"""The pod `toolbox` of an overlay as one process that runs verb after verb, as the person in it would."""

import json
import subprocess
import sys
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from deploy.cluster.engine import ROOT
from tests.live.broker import Vhost
from tests.manifests.rendered import Document, of_kind
from tests.manifests.users import Users
from tests.rollout import mounts

#: Each line of its input is the words of a verb; each of its output the exit code and what was said.
RUNNER = """
import contextlib, io, json, sys
import django
from django.core.management import execute_from_command_line
from switchyard.process.main import VERBS
django.setup()
for line in sys.stdin:
    words, said = json.loads(line), io.StringIO()
    ours = ["switchyard"] if words[0] in VERBS else []
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            execute_from_command_line(["python -m app", *ours, *words])
            code = 0
        except SystemExit as end:
            code = end.code or 0
    print(json.dumps([code, said.getvalue()]), flush=True)
"""


class Toolbox:
    """With the variables and files that its manifest gives it, as the broker's user `toolbox`."""

    def __init__(
        self, found: list[Document], folder: Path, users: Users, vhost: Vhost, given: dict[str, str]
    ) -> None:
        template = of_kind(found, "Deployment")["toolbox"]["spec"]["template"]
        objects = self._objects(found, users, given)
        mounts.write(template["spec"], folder, objects)
        environment = mounts.environment(template, folder, objects)
        # The broker of a laptop has its management API at another port than a cluster's.
        management = users.variables("toolbox")["BROKER_MANAGEMENT_URL"]
        assert urlsplit(management).port
        self.environment = {
            **{name: given[name] for name in ("PATH", "DJANGO_SETTINGS_MODULE")},
            **environment,
            "BROKER_MANAGEMENT_URL": management,
            # A vhost of the tests is nobody's environment.
            "ENVIRONMENT": "",
        }

    def with_variables(self, **variables: str) -> "Toolbox":
        """Another one, not begun, to which these are told otherwise."""
        other = copy(self)
        files = {f"{name}_FILE" for name in variables}
        kept = {name: value for name, value in self.environment.items() if name not in files}
        other.environment = kept | variables
        return other

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", RUNNER],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, *words: str) -> tuple[int, str]:
        """The exit code, and what was said."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        code, said = json.loads(self._process.stdout.readline())
        return code, said

    @staticmethod
    def _objects(found: list[Document], users: Users, given: dict[str, str]) -> dict[str, Any]:
        maps = of_kind(found, "ConfigMap")
        secrets = {
            "switchyard": {
                "secret-key": "only-for-tests",
                "secret-key-fallbacks": "",
                "database-url": given["DATABASE_URL"],
                "email-host-password": "",
            },
            "switchyard-broker": {"toolbox": users.url("toolbox")},
        }
        return {"configMap": {name: item["data"] for name, item in maps.items()}, "secret": secrets}
