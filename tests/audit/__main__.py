"""Audits the tree, its history, what it depends on, its settings and its answers.

    python -m tests.audit

Each part says what it looked at. What is excepted stands here with its reason.
"""

import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.ports import LOOPBACK
from deploy.local.postgres import start_postgres
from tests.alone import prepared, served
from tests.audit.history import ROOT, found

#: Of Django's checks for a deployment, and why they do not hold here.
SILENCED = {
    "security.W005": "what the subdomains of a service speak is for their owner to say",
    "security.W021": "so is a list in browsers from which nobody is taken off for months",
}
DEPLOYED = {
    "PUBLIC_URL": "https://yard.example",
    "ALLOWED_HOSTS": "yard.example",
    "HSTS_SECONDS": "31536000",
    "TRUST_PROXY": "true",
}
#: Cases of each operation, so that all of them are 10,000 and more.
EXAMPLES, CASES = 1300, 10_000
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
#: The limits of who asks too often are tried elsewhere.
WITHOUT_LIMITS = {
    f"{name}_PER_HOUR": "1000000000" for name in ("SIGNUPS", "REPORTS", "WEBHOOKS", "LOGINS", "IN_TOTAL")
} | {"REPORTS_AT_ONCE": "1000000"}
TOKEN = (
    "from django.contrib.auth.models import User; from app.accounts.models import Token; "
    "print(Token.objects.issue(User.objects.create_user('audit', 'audit@example.com'))[1])"
)


def main() -> None:
    failed = []
    with tempfile.TemporaryDirectory() as folder, start_postgres(Path(folder) / "postgres") as postgres:
        environment = prepared(postgres.url, Path(folder))
        parts: dict[str, Callable[[], str]] = {
            "code": code,
            "history": history,
            "advisories": advisories,
            "settings": lambda: settings(environment),
            "answers": lambda: answers(environment),
        }
        for name, part in parts.items():
            began = time.monotonic()
            wrong = part()
            print(
                f"== {name}: {'failed' if wrong else 'passed'} in {time.monotonic() - began:.0f} s",
                flush=True,
            )
            if wrong:
                failed.append(name)
                print(wrong, flush=True)
    if failed:
        sys.exit(f"make audit: {', '.join(failed)} failed; see above.")


def code() -> str:
    """The rules of bandit, as ruff has them; each exception stands in its line with its reason."""
    return _trouble([sys.executable, "-m", "ruff", "check", "--output-format=concise", "."])


def history() -> str:
    return "\n".join(found())


def advisories() -> str:
    """Of what the lock files name, if an index of advisories can be had; which is said if not."""
    command = [str(Path(sys.executable).with_name("uvx")), "pip-audit", "--disable-pip", "--no-deps"]
    ended = subprocess.run(
        [*command, "--requirement=requirements.txt"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    said = ended.stdout + ended.stderr
    asked = len(re.findall(r"^[\w.-]+==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    unknown = said.count("could not be audited")
    if unknown >= asked or ("No known vulnerabilities" not in said and not ended.stdout):
        print("   no index of advisories can be had from here: nothing is said of the dependencies")
        return ""
    return said if ended.returncode else ""


def settings(environment: dict[str, str]) -> str:
    """As deployed, with Django's checks for that as errors."""
    silenced = "from app.settings import *\nSILENCED_SYSTEM_CHECKS = " + repr(sorted(SILENCED))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "audited.py").write_text(silenced)
        told = DEPLOYED | {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DJANGO_SETTINGS_MODULE": "audited",
            "PYTHONPATH": f"{folder}:{ROOT}",
        }
        command = [sys.executable, "-m", "app", "check", "--deploy", "--fail-level=WARNING"]
        return _trouble(command, environment | told)


def answers(environment: dict[str, str]) -> str:
    """To whatever schemathesis makes of the description, from a web that runs."""
    with served(["-m", "app", "web"], environment | WITHOUT_LIMITS) as (port, _):
        token = subprocess.run(
            [sys.executable, "-m", "app", "shell", "--no-imports", "--command", TOKEN],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[-1]
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            str(ROOT / "app" / "accounts" / "openapi.yaml"),
            f"--url=http://{LOOPBACK}:{port}",
            f"--header=Authorization: Bearer {token}",
            f"--checks={','.join(CHECKS)}",
            "--phases=fuzzing",
            f"--max-examples={EXAMPLES}",
            "--workers=4",
            "--no-color",
        ]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    count = int((re.findall(r"([\d,]+) generated", said) or ["0"])[0].replace(",", ""))
    print(f"   {count:,} cases")
    few = f"Expected {CASES:,} cases and more, came {count:,}." if count < CASES else ""
    return "\n".join(said.splitlines()[-80:]) if ended.returncode else few


def _trouble(command: list[str], environment: dict[str, str] | None = None) -> str:
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr if ended.returncode else ""


if __name__ == "__main__":
    main()
