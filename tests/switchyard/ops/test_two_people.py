"""Two people at one entry of the schedule: neither takes back unseen what the other has done."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from switchyard.ops.edits import CHANGED
from switchyard.schedule.models import Rule

pytestmark = pytest.mark.django_db(transaction=True)


def somebody(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(name))
    return client


@pytest.fixture
def entry() -> PeriodicTask:
    hourly = IntervalSchedule.objects.create(every=1, period="hours")
    return PeriodicTask.objects.create(name="hourly", task="gallery.io_wait", args='["key"]', interval=hourly)


def address(entry: PeriodicTask) -> str:
    return reverse("admin:django_celery_beat_periodictask_change", args=[entry.pk])


def opened(client: Client, entry: PeriodicTask) -> dict[str, Any]:
    """What the form would send if it were saved as it is."""
    context = client.get(address(entry)).context
    forms = [context["adminform"].form]
    for formset in context["inline_admin_formsets"]:
        forms += [formset.formset.management_form, *formset.formset.forms]
    values = {field.html_name: field.value() for form in forms for field in form}
    # What is empty, and a box that is not ticked, a browser does not send.
    return {name: value for name, value in values.items() if value is not None and value is not False}


def refusals(client: Client, entry: PeriodicTask, form: dict[str, Any]) -> list[str]:
    """What the form says when it is saved; nothing if it was."""
    answer = client.post(address(entry), form)
    return [] if answer.status_code == 302 else [str(error) for error in answer.context["errors"]]


def test_what_somebody_changed_since_is_not_taken_back(entry: PeriodicTask) -> None:
    ada, bob = somebody("ada"), somebody("bob")
    of_ada, of_bob = opened(ada, entry), opened(bob, entry)
    of_ada.pop("enabled")
    assert refusals(ada, entry, of_ada) == []
    assert CHANGED in refusals(bob, entry, {**of_bob, "description": "of bob"})[0]
    entry.refresh_from_db()
    assert (entry.enabled, entry.description) == (False, "")
    again = opened(bob, entry)
    assert refusals(bob, entry, {**again, "description": "of bob"}) == []
    entry.refresh_from_db()
    assert (entry.enabled, entry.description) == (False, "of bob")


def test_a_rule_that_somebody_changed_since_is_not_taken_back_either(entry: PeriodicTask) -> None:
    ada = somebody("ada")
    form = opened(ada, entry)
    Rule.objects.create(entry=entry, missed="skip")
    assert CHANGED in refusals(ada, entry, form)[0]


def test_what_beat_counts_meanwhile_is_no_change(entry: PeriodicTask) -> None:
    ada = somebody("ada")
    form = opened(ada, entry)
    PeriodicTask.objects.update(
        last_run_at=Now(), total_run_count=F("total_run_count") + 1, date_changed=Now()
    )
    assert refusals(ada, entry, {**form, "description": "of ada"}) == []


def test_an_entry_that_somebody_deleted_is_said_to_be_gone(entry: PeriodicTask) -> None:
    ada = somebody("ada")
    form = opened(ada, entry)
    entry.delete()
    answer = ada.post(reverse("admin:django_celery_beat_periodictask_change", args=[1]), form, follow=True)
    assert re.search("Perhaps it was deleted", answer.content.decode())
    assert not PeriodicTask.objects.exists()
