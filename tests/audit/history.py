"""Looks for secrets in every line that was ever committed."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Of their form alone they are secrets.
FORMS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[A-Za-z0-9+/\s]"),
    "key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{35}\b"),
    "token of a forge": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,}|glpat-[\w-]{20})\b"),
    "token of a chat": re.compile(r"\bxox[abprs]-[\w-]{10,}"),
    "key of a payment": re.compile(r"\b[sr]k_live_[A-Za-z0-9]{20,}"),
    "secret of a webhook": re.compile(r"\bwhsec_[A-Za-z0-9+/]{20,}"),
    "token of JSON": re.compile(r"\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{15,}"),
}
#: What is none, and why.
KNOWN = {
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": "the example of the Standard Webhooks specification",
}


def found() -> Iterator[str]:
    """A line for each: commit, file and which form. What it is stays out of the output."""
    for commit, file, line in _added():
        for form, pattern in FORMS.items():
            for match in pattern.finditer(line):
                if match[0] not in KNOWN:
                    yield f"{commit} {file}: a {form}"


def _added() -> Iterator[tuple[str, str, str]]:
    command = ["git", "log", "--all", "--patch", "--unified=0", "--no-color", "--format=commit %h"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        commit = file = ""
        for line in process.stdout or ():
            if line.startswith("commit "):
                commit = line.split()[1]
            elif line.startswith("+++ "):
                file = line[6:].strip()
            elif line.startswith("+"):
                yield commit, file, line[1:]
