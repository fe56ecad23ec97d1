import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Without a constraint: a release that knows nothing of the table can delete an entry too."""

    dependencies = [
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("switchyard", "0006_runs_at_risk_by_what_is_asked"),
    ]

    operations = [
        migrations.CreateModel(
            name="Refusal",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="refusal",
                        serialize=False,
                        to="django_celery_beat.periodictask",
                    ),
                ),
                ("reason", models.TextField()),
                ("since", models.DateTimeField()),
                ("refused_at", models.DateTimeField()),
                ("times", models.PositiveIntegerField()),
            ],
            options={"db_table": "switchyard_schedule_refusal"},
        ),
    ]
