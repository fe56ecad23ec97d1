"""The database and the broker that an overlay brings as single pods, and what is asked of them there."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

from deploy.cluster.kubectl import Kubectl
from deploy.cluster.references import Document
from deploy.local.errors import LocalError

DATABASE = "statefulset/postgres"
BROKER = "statefulset/rabbitmq"
VHOST = "switchyard"
LOGIN = '--username="$POSTGRES_USER"'
DATABASE_LOGIN = f'{LOGIN} --dbname="$POSTGRES_DB"'
#: A connection of kubectl's that breaks can look like the end: so the sum comes besides, by another way.
SUMMED = "{{ {command} | tee /proc/self/fd/3 | sha256sum >&2; }} 3>&1"
#: In the broker's pod, for as long as it is read.
FILE = "/tmp/definitions.json"  # noqa: S108 - the pod's own
TABLES = (
    "SELECT count(*) FROM pg_class JOIN pg_namespace AS space ON space.oid = relnamespace "
    "WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema')"
)


@dataclass(frozen=True)
class Servers:
    """Their programs run in their own pods, whose versions are theirs. All raise LocalError."""

    kubectl: Kubectl

    def dump(self, target: BinaryIO) -> str:
        """Writes the database as pg_restore reads it; returns the SHA-256 of what was sent."""
        return self._sent(f"pg_dump --format=custom {DATABASE_LOGIN}", target)

    def dump_roles(self, target: BinaryIO) -> str:
        """The same of who may log in, without a password."""
        return self._sent(f"pg_dumpall --roles-only --no-role-passwords {LOGIN}", target)

    def fill(self, source: BinaryIO) -> None:
        """All of a dump, or nothing."""
        command = f"pg_restore --single-transaction --exit-on-error {DATABASE_LOGIN}"
        self.kubectl.pour(*self._in(DATABASE, command, gives=True), source=source)

    def query(self, statements: str) -> str:
        """What they answer, a line a row. They go through a pipe, where no list of processes shows them."""
        command = f"psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 {DATABASE_LOGIN}"
        return self.kubectl.ask(*self._in(DATABASE, command, gives=True), given=statements)

    def tables(self) -> int:
        """How many the database has."""
        return int(self.query(TABLES))

    def definitions(self) -> dict[str, Any]:
        """Of users, vhosts, rights, policies, queues and exchanges; no message."""
        found: dict[str, Any] = self._told("rabbitmqctl --quiet export_definitions -")
        return found

    def define(self, definitions: dict[str, Any]) -> None:
        """By a file: rabbitmqctl on a new Erlang ends when it reads from what is no terminal."""
        command = f"umask 077 && cat > {FILE} && rabbitmqctl --quiet import_definitions {FILE}; it=$?"
        command += f"; rm {FILE}; exit $it"
        self.kubectl.ask(*self._in(BROKER, command, gives=True), given=json.dumps(definitions))

    def depths(self) -> dict[str, int]:
        """Queue to its messages: ready, and with a worker."""
        command = f"rabbitmqctl --quiet list_queues --vhost={VHOST} --formatter=json name messages"
        return {queue["name"]: queue["messages"] for queue in self._told(command)}

    def _told(self, command: str) -> Any:
        """By the broker, as JSON."""
        said = self.kubectl.ask(*self._in(BROKER, command))
        try:
            return json.loads(said)
        except ValueError as error:
            raise LocalError(f"`{command}` did not come through whole ({error}): run this again.") from error

    def _sent(self, command: str, target: BinaryIO) -> str:
        said = self.kubectl.pour(*self._in(DATABASE, SUMMED.format(command=command)), target=target)
        return said.splitlines()[-1].split()[0]

    def _in(self, target: str, command: str, *, gives: bool = False) -> tuple[str, ...]:
        return "exec", *(("--stdin",) if gives else ()), target, "--", "bash", "-o", "pipefail", "-c", command


def servers(kubectl: Kubectl, name: str, found: Iterable[Document]) -> Servers:
    """Those of an overlay's resources. Raises LocalError where one of them is somebody else's."""
    brought = {f"{item['kind'].lower()}/{item['metadata']['name']}" for item in found}
    if lacking := [server for server in (DATABASE, BROKER) if server not in brought]:
        raise LocalError(
            f"{name} does not bring {' and '.join(lacking)}: its servers are an operator's or a provider's, "
            "and so are their backups. deploy/RESTORE.md says what to ask of them, and what comes after."
        )
    return Servers(kubectl)
