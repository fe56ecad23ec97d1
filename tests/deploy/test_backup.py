"""`make backup` keeps all of it or nothing, and `make restore` touches nothing that it could not put back.

There is no cluster here (`make node-test` has one): a script in kubectl's place answers as one would.
"""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from deploy.cluster.__main__ import main
from deploy.cluster.backup import PARTS
from deploy.cluster.logins import literal, name, unless_there, users
from tests.deploy.kubectl import stand_in

DUMP = "what pg_dump writes\n"
DEFINITIONS = {"users": [{"name": "switchyard", "password_hash": "a-hash"}], "bindings": [{}]}
SCRIPT = f"""#!/bin/sh
printf '%s\\n' "$*" >> "$NOTES/commands"
case "$*" in
  *" kustomize "*) cat "$NOTES/rendered" ;;
  *"pg_dump"*) printf '%s' '{DUMP}'; echo "${{SUM-{hashlib.sha256(DUMP.encode()).hexdigest()}}}  -" >&2 ;;
  *"export_definitions"*) echo '{json.dumps(DEFINITIONS)}' ;;
  *"list_queues"*) echo '[{{"name": "io", "messages": 3}}, {{"name": "io.dead", "messages": 0}}]' ;;
  *"psql"*) read -r first; echo "$first" >> "$NOTES/statements"; echo "${{TABLES-0}}" ;;
  *"get secret switchyard-broker"*) echo "pyamqp://${{USER_NAME-switchyard}}:b%2Fd@rabbitmq/v" ;;
  *"get secret"*) echo "postgres://switchyard:it's@postgres:5432/switchyard" ;;
  *"get job/"*) echo "${{JOB-Complete}}" ;;
  *"import_definitions"*) cat > "$NOTES/defined" ;;
  *"create --filename"*) cat >> "$NOTES/created" ;;
esac
"""
RENDERED = """
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: postgres}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: rabbitmq}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: release, labels: {of: it}, annotations: {hook: Sync}},
  spec: {template: {spec: {containers: [{name: app, args: [release]}]}}}}
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in(tmp_path, SCRIPT, RENDERED, monkeypatch)
    return tmp_path


def ran(verb: str, folder: Path, *more: str) -> int:
    return main([verb, "--overlay=local", "--context=somewhere", f"--folder={folder}", *more])


def commands(notes: Path) -> list[str]:
    lines = (notes / "commands").read_text().splitlines()
    return [line.partition("--namespace=switchyard ")[2] for line in lines]


def test_a_backup_has_no_password_and_says_what_it_does_not_have(notes: Path) -> None:
    folder = notes / "kept"
    assert ran("backup", folder) == 0
    assert (folder / "database.dump").read_text() == DUMP
    assert json.loads((folder / "definitions.json").read_text())["users"][0]["password_hash"] == ""
    assert json.loads((folder / "about.json").read_text())["in_broker"] == {"io": 3, "io.dead": 0}
    assert folder.stat().st_mode & 0o077 == 0
    told = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert told == [[hashlib.sha256((folder / part).read_bytes()).hexdigest(), part] for part in PARTS]


def test_a_backup_that_did_not_come_through_whole_is_none(notes: Path, monkeypatch, capsys) -> None:
    """kubectl has ended with 0 when its connection broke in the middle of a stream."""
    monkeypatch.setenv("SUM", "0" * 64)
    assert ran("backup", notes / "kept") == 1
    assert "database.dump did not come through whole" in capsys.readouterr().err
    assert not list(notes.glob("kept*"))


def test_a_backup_is_never_written_over(notes: Path, capsys) -> None:
    assert ran("backup", notes) == 1
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_the_servers_of_somebody_else_are_theirs_to_keep(notes: Path, capsys, verb) -> None:
    assert ran("backup", notes / "kept") == 0
    (notes / "rendered").write_text("{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: a}}")
    assert ran(verb, notes / {"backup": "another", "restore": "kept"}[verb], "--yes") == 1
    said = capsys.readouterr().err
    assert "local does not bring statefulset/postgres and statefulset/rabbitmq" in said
    assert "deploy/RESTORE.md" in said


def test_a_restore_starts_no_role_and_holds_what_waited(notes: Path, capfd) -> None:
    assert ran("backup", notes / "kept") == 0
    (notes / "commands").unlink()
    assert ran("restore", notes / "kept", "--yes") == 0
    said = capfd.readouterr().out
    assert "and so in no dump: io 3. In it now: io 3." in said
    found = [line for line in commands(notes) if line.split()[0] in {"apply", "delete", "wait", "create"}]
    assert [line.split()[0] for line in found] == [
        "apply",
        "delete",
        "wait",
        "delete",
        "apply",
        "delete",
        "create",
    ]
    assert all(
        "notin (web,worker,beat,relay,exporter,jobs,toolbox)" in line
        for line in found
        if line.startswith("apply")
    )
    (job,) = [json.loads((notes / "created").read_text())]
    assert job["metadata"] == {"name": "adopt-database", "labels": {"of": "it"}}
    assert job["spec"]["template"]["spec"]["containers"][0]["args"][:2] == ["adopt-database", "hold"]


def test_a_restore_gives_each_user_the_password_of_the_secrets(notes: Path) -> None:
    """And shows it to no list of processes."""
    assert ran("backup", notes / "kept") == ran("restore", notes / "kept", "--yes") == 0
    assert "ALTER ROLE \"switchyard\" PASSWORD 'it''s';" in (notes / "statements").read_text()
    defined = json.loads((notes / "defined").read_text())
    assert defined.keys() == {"users"}, "a binding may lead to a queue that no export has"
    (user,) = defined["users"]
    kept = base64.b64decode(user["password_hash"])
    assert kept[4:] == hashlib.sha256(kept[:4] + b"b/d").digest()
    assert not [line for line in commands(notes) if "it's" in line or "b/d" in line]


@pytest.mark.parametrize("part", PARTS)
def test_a_backup_that_has_changed_is_not_restored(notes: Path, capsys, part) -> None:
    assert ran("backup", notes / "kept") == 0
    (notes / "commands").unlink()
    with (notes / "kept" / part).open("a") as opened:
        opened.write("more")
    assert ran("restore", notes / "kept", "--yes") == 1
    assert f"{part} is not as SHA256SUMS has it" in capsys.readouterr().err
    assert not (notes / "commands").exists()


def test_what_is_no_backup_is_not_restored(notes: Path, capsys) -> None:
    assert ran("restore", notes, "--yes") == 1
    assert "is no backup that is whole" in capsys.readouterr().err
    assert main(["restore", "--overlay=local", "--context=somewhere"]) == 1
    assert "Say which backup" in capsys.readouterr().err


@pytest.mark.parametrize(("variable", "value"), [("TABLES", "42"), ("JOB", "Failed")])
def test_a_restore_that_cannot_go_on_says_so(notes: Path, monkeypatch, capsys, variable, value) -> None:
    assert ran("backup", notes / "kept") == 0
    (notes / "commands").unlink()
    monkeypatch.setenv(variable, value)
    assert ran("restore", notes / "kept", "--yes") == 1
    said = capsys.readouterr().err
    assert {"TABLES": "has 42 tables", "JOB": "The release Job did not complete"}[variable] in said
    ended = [line for line in commands(notes) if line.startswith("delete deployments,jobs --selector=")]
    assert len(ended) == {"TABLES": 0, "JOB": 1}[variable]


def test_a_broker_user_whom_the_backup_does_not_know_is_named(notes: Path, monkeypatch, capsys) -> None:
    assert ran("backup", notes / "kept") == 0
    monkeypatch.setenv("USER_NAME", "newer")
    assert ran("restore", notes / "kept", "--yes") == 1
    assert (
        "names newer, whom the backup's broker does not know: it knows switchyard" in capsys.readouterr().err
    )
    assert not (notes / "defined").exists()


def test_nothing_is_restored_when_there_is_nobody_to_ask(notes: Path, capsys) -> None:
    assert ran("backup", notes / "kept") == 0
    assert ran("restore", notes / "kept") == 1
    assert "say ARGS=--yes" in capsys.readouterr().err
    assert not [line for line in commands(notes) if line.split()[0] in {"apply", "delete"}]


def test_a_role_is_made_only_where_there_is_none() -> None:
    roles = 'CREATE ROLE a;\nALTER ROLE a WITH LOGIN;\nCREATE ROLE "b c";\n'
    made = "DO $$ BEGIN IF to_regrole('{0}') IS NULL THEN CREATE ROLE {0}; END IF; END $$;\n"
    a, b = made.format("a"), made.format('"b c"')
    assert unless_there(roles) == f"{a}ALTER ROLE a WITH LOGIN;\n{b}"
    assert "\\" not in a


def test_users_are_those_of_each_url_of_the_scheme() -> None:
    found = users(["pyamqp://a:1@x/v;pyamqp://a:1@y/v", "http://b:2@x", "", "pyamqp://c:%40@x/v"], "pyamqp")
    assert found == {"a": "1", "c": "@"}
    assert (name('a"b'), literal("a'b")) == ('"a""b"', "'a''b'")
