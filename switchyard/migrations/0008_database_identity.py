import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("switchyard", "0007_schedule_refusal")]

    operations = [
        migrations.CreateModel(
            name="DatabaseIdentity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "environment",
                    models.CharField(help_text="SWITCHYARD_ENVIRONMENT; empty: not named", max_length=200),
                ),
                (
                    "broker",
                    models.CharField(
                        help_text="host/vhost; empty: written by who does not know it", max_length=600
                    ),
                ),
                ("written_by", models.CharField(max_length=200)),
            ],
            options={"db_table": "switchyard_identity"},
        ),
    ]
