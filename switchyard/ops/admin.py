"""Shows the pages of operations, and what the engine writes, in Django's admin."""

from copy import copy
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import construct_instance
from django.http import HttpRequest
from django.urls import URLPattern, path, re_path
from django_celery_beat.admin import PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import PeriodicTask

from switchyard.celery import attached
from switchyard.deadletters.letter import REASONS
from switchyard.deadletters.models import Action
from switchyard.deadletters.places import PLACES
from switchyard.ops import deadletters, jobs, letter, outbox, queues, schedule
from switchyard.ops.audit import note, note_form
from switchyard.ops.changelist import Choice
from switchyard.ops.edits import SeenForm
from switchyard.ops.models import AuditLine, Operations
from switchyard.ops.pages import allowed
from switchyard.ops.payload import HiddenPayload, PayloadOfEditors
from switchyard.ops.readonly import BoundedAdmin, ReadOnlyAdmin, StackedInline
from switchyard.outbox.errors import NoRoute, TaskCallError
from switchyard.outbox.models import Message
from switchyard.routing import HOW_TO_NAME_A_QUEUE, mapped_queue, queue_for
from switchyard.schedule.call import EntryRefused, send_now
from switchyard.schedule.models import Rule, Tick
from switchyard.schedule.trial import rehearse

#: A task goes to a queue by its name; of a row that says otherwise each tick is refused.
ROUTING_FIELDS = {"exchange", "routing_key"}


@admin.register(Operations)
class OperationsAdmin(ReadOnlyAdmin):
    """The pages, where the admin would have a list of rows."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return allowed(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allowed(request, "view")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        acts = ("replay", "discard")
        return [
            path("", queues.queues, name="switchyard_operations_changelist"),
            path("dead-letters/", deadletters.listed, name="switchyard_deadletters"),
            path("dead-letters/copy/", deadletters.copy_now, name="switchyard_deadletters_copy"),
            path("dead-letters/jobs/", jobs.listed, name="switchyard_deadletters_jobs"),
            path("dead-letters/jobs/<int:number>/", jobs.one, name="switchyard_deadletters_job"),
            *(
                path(
                    f"dead-letters/{verb}/",
                    deadletters.confirm,
                    {"verb": verb},
                    f"switchyard_deadletters_{verb}",
                )
                for verb in acts
            ),
            # Whatever a sender took for an id: with slashes and new lines.
            re_path(r"^dead-letters/of/(?P<task_id>[\s\S]+)/$", letter.one, name="switchyard_deadletter"),
            path("schedule/", schedule.schedule, name="switchyard_schedule"),
            path("schedule/run-now/", schedule.run_now, name="switchyard_run_now"),
            path("outbox/", outbox.outbox, name="switchyard_outbox"),
            *(
                path(f"outbox/{verb}/", outbox.confirm, {"verb": verb}, f"switchyard_outbox_{verb}")
                for verb in outbox.DEEDS
            ),
        ]


@admin.register(Message)
class MessageAdmin(HiddenPayload, ReadOnlyAdmin):
    """What waits, and what is in quarantine, which the page of the outbox requeues and discards.

    Nothing is deleted here: what was accepted is to run.
    """

    list_display = ("id", "task", "queue", "created_at", "eta", "quarantined_at", "reason")
    payload = ("headers", "properties", "body")
    list_filter = (("quarantined_at", admin.EmptyFieldListFilter),)
    search_fields = ("task_id", "task", "reason")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class QueueFilter(Choice):
    """Of the queues that there are, and of the reasons: to ask the rows would be to read them all."""

    title = parameter_name = "queue"
    choices_of = tuple(PLACES)


class ReasonFilter(Choice):
    title = parameter_name = "reason"
    choices_of = tuple(REASONS)


@admin.register(Action)
class ActionAdmin(ReadOnlyAdmin):
    """What was done stays written down: neither changed nor deleted."""

    list_display = ("at", "verb", "task", "task_id", "queue", "reason", "died_at", "by")
    list_filter = ("verb", QueueFilter, ReasonFilter, "at")
    search_fields = ("task", "task_id", "by")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# Django's own page of it has no heading, and does not say where one signs in. One of the project's stays.
admin.site.login_template = admin.site.login_template or "switchyard/login.html"

admin.site.unregister(PeriodicTask)


class RuleInline(StackedInline):
    model = Rule


class EntryForm(SeenForm, PeriodicTaskForm):  # type: ignore[misc]
    """Also refuses what every tick would be refused for. Disabled, it may name a task that is to come."""

    def clean(self) -> dict[str, Any]:
        entered: dict[str, Any] = super().clean()
        if queue_for(entered["task"]) is None:
            raise ValidationError({"task": str(NoRoute(entered["task"], entered["task"]))})
        queue = entered.get("queue")
        if queue and mapped_queue(queue) is None:
            raise ValidationError({"queue": f"{queue} is not a declared queue. {HOW_TO_NAME_A_QUEUE}"})
        if entered.get("enabled") and not self.errors:
            self._rehearse()
        return entered

    def _rehearse(self) -> None:
        entry = construct_instance(self, copy(self.instance))
        try:
            rehearse(entry, attached())
        except EntryRefused as refusal:
            raise ValidationError(f"Beat could not send it. {refusal}") from refusal


@admin.register(PeriodicTask)
class EntryAdmin(PayloadOfEditors, BoundedAdmin, PeriodicTaskAdmin):  # type: ignore[misc]
    form = EntryForm
    change_form_template = "switchyard/entry_form.html"
    payload = ("args", "kwargs", "headers")
    fieldsets = (
        *(
            (
                title,
                options | {"fields": tuple(name for name in options["fields"] if name not in ROUTING_FIELDS)},
            )
            for title, options in PeriodicTaskAdmin.fieldsets
        ),
        (None, {"fields": ("seen",)}),
    )
    inlines = (RuleInline,)
    #: Each one-off task has a moment of its own, and a select box would have them all.
    raw_id_fields = ("clocked",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        note_form(form)
        super().save_model(request, obj, form, change)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return allowed(request, "replay")

    @admin.action(permissions=["change"], description="Enable selected tasks")
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().enable_tasks(request, queryset)

    @admin.action(permissions=["change"], description="Disable selected tasks")
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().disable_tasks(request, queryset)

    @admin.action(permissions=["change"], description="Toggle activity of selected tasks")
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().toggle_tasks(request, queryset)

    @admin.action(permissions=["replay"], description="Run selected tasks")
    def run_tasks(self, request: HttpRequest, chosen: QuerySet[PeriodicTask]) -> None:
        """Send each now, beside its schedule. Through the outbox: web never talks to the broker."""
        for entry in chosen:
            try:
                task_id = send_now(entry, attached())
            except (EntryRefused, TaskCallError) as refusal:
                messages.error(request, f"{entry.name}: {refusal}")
            else:
                note("run_now", entry.name, who=request.user.get_username(), after={"task": task_id})
                messages.info(request, f"{entry.name} was sent as task {task_id}.")


@admin.register(AuditLine)
class AuditAdmin(ReadOnlyAdmin):
    """What people did. Nobody changes or deletes it: the database refuses."""

    list_display = ("at", "who", "whence", "what", "about")
    list_filter = ("what", "at")
    search_fields = ("who__exact", "about")
    ordering = ("-at",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Tick)
class TickAdmin(ReadOnlyAdmin):
    list_display = ("entry", "due_at", "sent_at", "task_id")
    list_filter = ("due_at",)
    search_fields = ("entry", "task_id")
    ordering = ("-due_at",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A tick that is deleted is sent again."""
        return False


if apps.is_installed("django_celery_results"):
    from switchyard.ops import results

    results.register(admin.site)
