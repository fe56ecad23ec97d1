"""What a role looks for before it begins."""

import pytest
from django.db.migrations.recorder import MigrationRecorder

from switchyard.outage import NotYet
from switchyard.process.dependencies import _look_at_migrations


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_waited_for() -> None:
    _look_at_migrations()
    applied = MigrationRecorder.Migration.objects.filter(app="switchyard")
    count, _ = applied.delete()
    assert count
    with pytest.raises(NotYet, match=f"{count} migrations are not applied"):
        _look_at_migrations()
