"""What is used up of each limit, in place of a row for each sign-up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            "Allowance",
            [
                ("key", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("empty_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
