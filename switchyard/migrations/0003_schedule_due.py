"""Adds when each entry of the schedule is due, and triggers that see every edit of an entry.

The tables are django-celery-beat's. A signal of Django's misses ``QuerySet.update``, ``bulk_create`` and SQL by
hand, so the database itself marks what was edited. The functions name none of its columns but the keys: a
later migration of django-celery-beat's may add, drop and alter them.
"""

import django.db.models.functions.datetime
from django.db import migrations, models

# Not marked by what a scheduler counts: beat's own update, and the control columns of the admin's form.
ENTRY = """
CREATE FUNCTION switchyard_entry_edited() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    counted CONSTANT text[] := ARRAY['total_run_count', 'last_run_at', 'date_changed'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM switchyard_schedule_clock WHERE entry_id = OLD.id;
    ELSIF NOT NEW.enabled THEN
        DELETE FROM switchyard_schedule_clock WHERE entry_id = NEW.id;
    ELSIF TG_OP = 'INSERT' OR to_jsonb(OLD) - counted <> to_jsonb(NEW) - counted THEN
        INSERT INTO switchyard_schedule_clock (entry_id, schedule, counts_from, edited_at, due_at)
        VALUES (NEW.id, '', clock_timestamp(), clock_timestamp(), 'epoch')
        ON CONFLICT (entry_id) DO UPDATE SET edited_at = excluded.edited_at, due_at = excluded.due_at;
    END IF;
    RETURN NULL;
END $$
"""
SCHEDULE = """
CREATE FUNCTION switchyard_schedule_edited() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF to_jsonb(OLD) <> to_jsonb(NEW) THEN
        EXECUTE format('UPDATE switchyard_schedule_clock SET edited_at = clock_timestamp(), due_at = ''epoch'''
            ' WHERE entry_id IN (SELECT id FROM django_celery_beat_periodictask WHERE %I = $1)', TG_ARGV[0])
        USING NEW.id;
    END IF;
    RETURN NULL;
END $$
"""
SCHEDULES = {
    "interval": "intervalschedule",
    "crontab": "crontabschedule",
    "solar": "solarschedule",
    "clocked": "clockedschedule",
}
CREATE = (
    ENTRY,
    "CREATE TRIGGER switchyard_edited AFTER INSERT OR UPDATE OR DELETE ON django_celery_beat_periodictask"
    " FOR EACH ROW EXECUTE FUNCTION switchyard_entry_edited()",
    SCHEDULE,
    *(
        f"CREATE TRIGGER switchyard_edited AFTER UPDATE ON django_celery_beat_{table}"
        f" FOR EACH ROW EXECUTE FUNCTION switchyard_schedule_edited('{kind}_id')"
        for kind, table in SCHEDULES.items()
    ),
)
# With IF EXISTS: django-celery-beat's tables may be gone before.
DROP = (
    "DROP FUNCTION IF EXISTS switchyard_entry_edited() CASCADE",
    "DROP FUNCTION IF EXISTS switchyard_schedule_edited() CASCADE",
)


class Migration(migrations.Migration):
    dependencies = [
        ("switchyard", "0002_chord_parts"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.AddField(
            model_name="clock",
            name="edited_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        # Of the rows that are there beat computes it when it begins: it looks at each entry then.
        migrations.AddField(
            model_name="clock",
            name="due_at",
            field=models.DateTimeField(db_index=True, null=True),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
