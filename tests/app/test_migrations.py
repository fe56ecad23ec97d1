"""What a project sets for its own models makes no migration of ours."""

import os
import subprocess
import sys

CHECK = """
import os
os.environ.update(SECRET_KEY="a", DATABASE_URL="postgres://n@127.0.0.1:1/n", BROKER_URL="none")
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
