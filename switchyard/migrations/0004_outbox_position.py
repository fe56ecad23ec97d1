from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("switchyard", "0003_schedule_due")]

    operations = [
        migrations.CreateModel(
            name="Position",
            fields=[
                ("queue", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("sent_up_to", models.BigIntegerField()),
            ],
            options={"db_table": "switchyard_outbox_position"},
        ),
    ]
