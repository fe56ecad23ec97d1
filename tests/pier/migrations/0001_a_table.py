from django.db import migrations


class Migration(migrations.Migration):
    operations = [
        migrations.RunSQL(
            "CREATE TABLE pier_berth (id bigserial PRIMARY KEY, name text)", "DROP TABLE pier_berth"
        )
    ]
