"""Writes the host of each target, and leaves one target for each URL of a user."""

from typing import Any
from urllib.parse import urlsplit

from django.db import migrations


def write_hosts(apps: Any, _editor: Any) -> None:
    """And of the targets that a user entered several times the first stays: it is told of the same."""
    seen: set[tuple[int, str]] = set()
    for target in apps.get_model("webhooks", "Target").objects.order_by("pk"):
        if (target.owner_id, target.url) in seen:
            target.delete()
            continue
        seen.add((target.owner_id, target.url))
        target.host = (urlsplit(target.url).hostname or "")[:255]
        target.save(update_fields=["host"])


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_challenge")]

    operations = [migrations.RunPython(write_hosts, migrations.RunPython.noop)]
