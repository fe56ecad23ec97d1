"""No transaction: what is done when a later statement fails is done, and fails the second time."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("pier", "0002_a_column")]
    operations = [
        migrations.RunSQL("CREATE TABLE pier_piece ()", "DROP TABLE pier_piece"),
        migrations.RunSQL("ALTER TABLE pier_berth ADD COLUMN length int", "ALTER TABLE pier_berth DROP COLUMN length"),
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY pier_by_name ON pier_berth (name)", "DROP INDEX pier_by_name"
        ),
    ]
