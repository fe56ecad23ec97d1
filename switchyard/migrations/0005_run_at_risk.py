
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('switchyard', '0004_outbox_position'),
    ]

    operations = [
        migrations.CreateModel(
            name='RunAtRisk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task_id', models.CharField(max_length=255)),
                ('retries', models.IntegerField()),
                ('process', models.CharField(help_text='of the worker, a new one at each start', max_length=32)),
                ('began_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lost', models.BooleanField(default=False, help_text='its worker saw it end so')),
                ('given_up', models.BooleanField(default=False, help_text='the message was dead-lettered for it')),
            ],
            options={
                'db_table': 'switchyard_run_at_risk',
                'indexes': [models.Index(fields=['task_id', 'retries'], name='switchyard_run_at_risk_of')],
            },
        ),
    ]
