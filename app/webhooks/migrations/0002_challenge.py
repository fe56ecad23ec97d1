"""A target is told of nothing before it has said yes; one of the release before counts as having said it."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import app.webhooks.models


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "target",
            "challenge",
            models.CharField(db_default="", default=app.webhooks.models.new_challenge, max_length=64),
        ),
        migrations.AddField(
            "target",
            "confirmed_at",
            models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=django.utils.timezone.now,
                null=True,
            ),
        ),
        migrations.AddField(
            "target",
            "earlier_secret",
            models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField("target", "earlier_secret_until", models.DateTimeField(null=True)),
        migrations.AddField(
            "target",
            "failing_since",
            models.DateTimeField(help_text="no delivery has come through since", null=True),
        ),
        migrations.AddField(
            "target",
            "host",
            models.CharField(db_default="", db_index=True, default="", max_length=255),
        ),
        migrations.AddField(
            "target",
            "trouble",
            models.CharField(db_default="", default="", help_text="why it is not told", max_length=300),
        ),
    ]
