"""What people did: rows that are added, and that the database lets nobody change or delete."""

import django.db.models.functions.datetime
from django.db import migrations, models

FORWARDS = """
CREATE FUNCTION switchyard_audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'switchyard_audit is added to, and neither changed nor deleted from'
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER switchyard_audit_is_kept BEFORE UPDATE OR DELETE ON switchyard_audit
    FOR EACH ROW EXECUTE FUNCTION switchyard_audit_is_kept();
REVOKE UPDATE, DELETE ON switchyard_audit FROM PUBLIC, CURRENT_USER;
"""
BACKWARDS = """
DROP TRIGGER switchyard_audit_is_kept ON switchyard_audit;
DROP FUNCTION switchyard_audit_is_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("switchyard", "0009_dead_letter_jobs")]

    operations = [
        migrations.CreateModel(
            name="AuditLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), db_index=True
                    ),
                ),
                ("who", models.CharField(db_index=True, max_length=255)),
                (
                    "whence",
                    models.CharField(
                        help_text="address of the client, or the name of a command", max_length=100
                    ),
                ),
                ("what", models.CharField(db_index=True, max_length=50)),
                ("about", models.CharField(max_length=500)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
            ],
            options={"db_table": "switchyard_audit"},
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
