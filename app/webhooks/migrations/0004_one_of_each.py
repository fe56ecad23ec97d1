"""One target for each URL of a user, and an index to purge deliveries by, built beside those who write."""

from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("webhooks", "0003_hosts")]

    operations = [
        migrations.AddConstraint(
            "target",
            models.UniqueConstraint(fields=("owner", "url"), name="one_target_for_each_url"),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE INDEX CONCURRENTLY delivery_by_time ON webhooks_delivery (created_at)",
                    "DROP INDEX CONCURRENTLY delivery_by_time",
                )
            ],
            state_operations=[
                migrations.AddIndex(
                    "delivery", models.Index(fields=["created_at"], name="delivery_by_time")
                )
            ],
        ),
    ]
