"""Who may log in at servers that are restored: the backup's users and rights, with the Secrets' passwords.

A backup has no password, and the Secrets may be newer than it: it is by theirs that the roles will log in.
"""

import base64
import hashlib
import json
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from deploy.cluster import backup
from deploy.cluster.kubectl import Kubectl
from deploy.cluster.servers import Servers
from deploy.local.errors import LocalError

HASH = "sha256"
#: Of the definitions: all else is declared, and made by `release`. Not all of it could be: what was exported
#: has bindings to exclusive queues, and not these.
DEFINED = ("vhosts", "users", "permissions", "topic_permissions")
VALUES = '--output=go-template={{range .data}}{{base64decode .}}{{"\\n"}}{{end}}'


def let_in(kubectl: Kubectl, target: Servers, folder: Path) -> None:
    """Can be done again. Raises LocalError for a user of the Secrets that the backup does not know."""
    target.query(unless_there((folder / backup.ROLES).read_text()))
    for user, password in users(values(kubectl, "switchyard"), "postgres").items():
        target.query(f"ALTER ROLE {name(user)} PASSWORD {literal(password)};")
    definitions = json.loads((folder / backup.DEFINITIONS).read_text())
    target.define(with_passwords(definitions, users(values(kubectl, "switchyard-broker"), "pyamqp")))


def unless_there(roles: str) -> str:
    """What pg_dumpall wrote, with each role made only where there is none of its name.

    By SQL alone: what it wrote begins with ``\\restrict``, after which psql takes no command of its own.
    """
    return re.sub(r"^CREATE ROLE (.+);$", _unless_there, roles, flags=re.MULTILINE)


def _unless_there(found: re.Match[str]) -> str:
    role = found[1]
    return f"DO $$ BEGIN IF to_regrole({literal(role)}) IS NULL THEN CREATE ROLE {role}; END IF; END $$;"


def with_passwords(definitions: dict[str, Any], passwords: dict[str, str]) -> dict[str, Any]:
    """Who may do what. Raises LocalError for one that is nobody's there."""
    known = {user["name"]: user for user in definitions["users"]}
    if missing := passwords.keys() - known.keys():
        raise LocalError(
            f"The Secret switchyard-broker names {', '.join(sorted(missing))}, whom the backup's broker does "
            f"not know: it knows {', '.join(known)}. Put one of these into its URLs, then run this again."
        )
    for user, password in passwords.items():
        known[user].update(
            password_hash=hashed(password), hashing_algorithm=f"rabbit_password_hashing_{HASH}"
        )
    return {kind: definitions[kind] for kind in DEFINED if kind in definitions}


def hashed(password: str) -> str:
    """As RabbitMQ keeps it: four bytes of salt, and the sum of these and the password."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.new(HASH, salt + password.encode()).digest()).decode()


def users(found: list[str], scheme: str) -> dict[str, str]:
    """User to password, of each URL of the scheme among them."""
    urls = [urlsplit(url) for value in found for url in value.split(";")]
    ours = [url for url in urls if url.scheme.startswith(scheme)]
    return {unquote(url.username or ""): unquote(url.password or "") for url in ours}


def values(kubectl: Kubectl, secret: str) -> list[str]:
    """Of all its keys."""
    return kubectl.ask("get", "secret", secret, VALUES).splitlines()


def name(user: str) -> str:
    """As SQL reads it, whatever is in it."""
    return '"{}"'.format(user.replace('"', '""'))


def literal(password: str) -> str:
    """The same of a string."""
    return "'{}'".format(password.replace("'", "''"))
