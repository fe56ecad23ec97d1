
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('django_celery_beat', '0019_alter_periodictasks_options'),
    ]

    operations = [
        migrations.CreateModel(
            name='Operations',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            options={
                'verbose_name': 'queues, dead letters, schedule, outbox',
                'verbose_name_plural': 'queues, dead letters, schedule, outbox',
                'permissions': (('view', 'Can view the operations pages'), ('replay', 'Can send again: dead letters, quarantined messages, entries of the schedule'), ('discard', 'Can discard dead letters and quarantined messages'), ('payload', 'Can see what a message holds')),
                'managed': False,
                'base_manager_name': 'objects',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Canary',
            fields=[
                ('queue', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('sent_at', models.DateTimeField(help_text='the newest')),
                ('waiting_since', models.DateTimeField(help_text='of the oldest that nobody has answered', null=True)),
                ('returned_at', models.DateTimeField(help_text='the last that came back', null=True)),
                ('wait_seconds', models.FloatField(help_text='of the last that came back', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='NotEmptySince',
            fields=[
                ('queue', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('since', models.DateTimeField()),
            ],
            options={
                'db_table': 'switchyard_dead_letters_since',
            },
        ),
        migrations.CreateModel(
            name='Action',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('verb', models.CharField(choices=[('replay', 'Replay'), ('discard', 'Discard')], max_length=10)),
                ('identity', models.CharField(help_text='SHA-256 of the dead letter, its death included', max_length=64)),
                ('task_id', models.CharField(db_index=True, max_length=255)),
                ('task', models.CharField(max_length=255)),
                ('queue', models.CharField(max_length=255)),
                ('reason', models.CharField(max_length=255)),
                ('died_at', models.DateTimeField(null=True)),
                ('by', models.CharField(max_length=255)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
            ],
            options={
                'db_table': 'switchyard_dead_letter_action',
                'constraints': [models.UniqueConstraint(fields=('identity', 'verb'), name='switchyard_one_action_of_each')],
            },
        ),
        migrations.CreateModel(
            name='Clock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('schedule', models.TextField()),
                ('counts_from', models.DateTimeField()),
                ('last_due_at', models.DateTimeField(null=True)),
                ('missed_at', models.DateTimeField(null=True)),
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='clock', to='django_celery_beat.periodictask')),
            ],
            options={
                'db_table': 'switchyard_schedule_clock',
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task_id', models.CharField(max_length=255)),
                ('task', models.CharField(max_length=255)),
                ('queue', models.CharField(help_text='routing key; the delay of an eta is added on publish', max_length=255)),
                ('headers', models.TextField(help_text='JSON, as kombu writes it')),
                ('properties', models.TextField(help_text='JSON of the AMQP properties')),
                ('body', models.TextField(help_text='as it is published')),
                ('eta', models.DateTimeField(help_text='not before; counted from the call, not from the publish', null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('quarantined_at', models.DateTimeField(null=True)),
                ('reason', models.TextField(db_default='')),
            ],
            options={
                'db_table': 'switchyard_outbox',
                'indexes': [models.Index(condition=models.Q(('quarantined_at__isnull', True)), fields=['queue', 'id'], name='switchyard_outbox_waiting'), models.Index(condition=models.Q(('quarantined_at__isnull', False)), fields=['id'], name='switchyard_quarantine')],
            },
        ),
        migrations.CreateModel(
            name='Once',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task', models.CharField(max_length=200)),
                ('key', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('task', 'key'), name='switchyard_once_for_each_key')],
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('missed', models.CharField(choices=[('once', 'run once, late, however many were missed'), ('skip', 'do not run; wait for the next due time')], default='once', max_length=4)),
                ('late_seconds', models.PositiveIntegerField(default=30, validators=[django.core.validators.MaxValueValidator(604800)])),
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='rule', to='django_celery_beat.periodictask')),
            ],
            options={
                'verbose_name': 'rule for missed ticks',
                'verbose_name_plural': 'rules for missed ticks',
                'db_table': 'switchyard_schedule_rule',
            },
        ),
        migrations.CreateModel(
            name='Tick',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entry', models.CharField(max_length=200)),
                ('due_at', models.DateTimeField(db_index=True)),
                ('sent_at', models.DateTimeField()),
                ('task_id', models.UUIDField()),
            ],
            options={
                'db_table': 'switchyard_schedule_tick',
                'constraints': [models.UniqueConstraint(fields=('entry', 'due_at'), name='switchyard_one_tick_per_due_time')],
            },
        ),
    ]
