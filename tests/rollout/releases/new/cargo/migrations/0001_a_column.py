"""A column of the table that every request of the load writes to. The old image knows nothing of it."""

from django.db import migrations


class Migration(migrations.Migration):
    operations = [
        migrations.RunSQL(
            "ALTER TABLE ledger_promise ADD COLUMN cargo text NOT NULL DEFAULT 'none'",
            "ALTER TABLE ledger_promise DROP COLUMN cargo",
        )
    ]
