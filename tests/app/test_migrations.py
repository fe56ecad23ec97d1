"""Migrations of ours: what a project sets makes none and breaks none, and none stops who uses the tables."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader

CHECK = """
import os
os.environ.update(SECRET_KEY="a", DATABASE_URL="postgres://n@127.0.0.1:1/n", BROKER_URL="pyamqp://none")
import app.settings
app.settings.DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
os.environ["DJANGO_SETTINGS_MODULE"] = "app.settings"
import django
django.setup()
from django.core.management import call_command
call_command("makemigrations", check=True, dry_run=True)
"""


def test_another_default_auto_field_changes_no_model_of_the_service_and_the_engine() -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHECK],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "No changes detected" in result.stdout


#: Of squawk's rules, those about another thing than locks; `release` itself sets time-outs.
ANOTHER_THING = ("prefer-", "require-lock-timeout", "require-statement-timeout")
#: Found in tables that are small whatever the service does: a row for each entry,
#: each run at risk, and each target.
SMALL = {
    ("switchyard.0003_schedule_due", "adding-field-with-default"),
    ("switchyard.0003_schedule_due", "require-concurrent-index-creation"),
    ("webhooks.0002_challenge", "adding-field-with-default"),
    ("webhooks.0002_challenge", "require-concurrent-index-creation"),
    ("webhooks.0004_one_of_each", "disallowed-unique-constraint"),
    ("webhooks.0004_one_of_each", "constraint-missing-not-valid"),
    ("switchyard.0006_runs_at_risk_by_what_is_asked", "require-concurrent-index-creation"),
}


@pytest.fixture
def squawk(db: None, tmp_path: Path):
    """Runs the linter over the SQL of migrations; returns migration and rule of what it finds."""

    def run(statements: dict[str, str]) -> set[tuple[str, str]]:
        for name, sql in statements.items():
            (tmp_path / f"{name}.sql").write_text(sql)
        options = ["--reporter=json", "--pg-version=13"]
        command = [Path(sys.executable).with_name("squawk"), *options, *sorted(tmp_path.glob("*.sql"))]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode in {0, 1}, found.stderr
        rules = {(Path(item["file"]).stem, item["rule_name"]) for item in json.loads(found.stdout)}
        return {(name, rule) for name, rule in rules if not rule.startswith(ANOTHER_THING)}

    return run


def sql_of_ours() -> dict[str, str]:
    own = {app.label for app in apps.get_app_configs() if app.name.split(".")[0] in {"switchyard", "app"}}
    loader = MigrationLoader(connection, replace_migrations=False)
    return {
        ".".join(key): "\n".join(
            [
                *["BEGIN;"] * migration.atomic,
                *loader.collect_sql([(migration, False)]),
                *["COMMIT;"] * migration.atomic,
            ]
        )
        for key, migration in loader.graph.nodes.items()
        if key[0] in own
    }


def test_no_migration_of_ours_rewrites_or_locks_a_table_that_is_in_use(squawk) -> None:
    """Control: one that does both is found."""
    bad = "BEGIN; ALTER TABLE a ALTER COLUMN b TYPE bigint; CREATE INDEX c ON a (b); COMMIT;"
    found = squawk(sql_of_ours() | {"bad": bad})
    assert found - SMALL == {("bad", "changing-column-type"), ("bad", "require-concurrent-index-creation")}
    assert found >= SMALL, "an exception that is needed no more"


def test_a_user_model_of_the_teams_own_fits_every_model() -> None:
    """Of a model that names Django's own user, `check` says that it was swapped out."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "app", "check"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DJANGO_SETTINGS_MODULE": "tests.own_user",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
