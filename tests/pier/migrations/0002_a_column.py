"""The pause is long enough for a second run to begin, and longer than a lock is waited for in the tests."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("pier", "0001_a_table")]
    operations = [
        migrations.RunSQL("-- deep enough?\nALTER TABLE pier_berth ADD COLUMN depth int", "ALTER TABLE pier_berth DROP COLUMN depth"),
        migrations.RunSQL("SELECT pg_sleep(0.5)", migrations.RunSQL.noop),
    ]
