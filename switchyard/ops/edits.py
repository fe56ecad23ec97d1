"""Has two people who edit the same entry of the schedule see each other's changes.

Django saves the whole form, so that who opened it first and saves it last takes back, unseen, what was
changed in between: an entry that somebody has just disabled runs again.
"""

from hashlib import sha256
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import model_to_dict
from django_celery_beat.models import PeriodicTask

from switchyard.schedule.models import Rule

CHANGED = (
    "Somebody has changed this entry since you opened it. Nothing was saved: open it again, and see what it "
    "is now."
)


def mark(entry: PeriodicTask) -> str:
    """Another one when what a form can edit of the entry, or of its rule, is another."""
    rule = list(Rule.objects.filter(entry=entry.pk).values_list("missed", "late_seconds"))
    return sha256(repr([model_to_dict(entry), rule]).encode()).hexdigest()


class SeenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form of an entry that sends back what was seen of it."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk and "seen" in self.fields:
            self.initial["seen"] = mark(self.instance)

    def clean(self) -> Any:
        """In the transaction that saves it: who comes second waits for the first."""
        cleaned = super().clean()
        if self.instance.pk:
            found = PeriodicTask.objects.select_for_update().filter(pk=self.instance.pk).first()
            if found and mark(found) != self.data.get(self.add_prefix("seen")):
                raise ValidationError(CHANGED)
        return cleaned
