"""Shows dead letters on pages, all of them from the copy; what is done with them is a job."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from switchyard.broker.management import Management
from switchyard.deadletters import jobs
from switchyard.deadletters.letter import REASONS
from switchyard.deadletters.models import Deed, Verb
from switchyard.deadletters.places import PLACES
from switchyard.ops import copies, timeouts
from switchyard.ops.audit import note
from switchyard.ops.changelist import FirstRows
from switchyard.ops.format import count
from switchyard.ops.fresh import read_fresh
from switchyard.ops.numbers import WholeNumber, whole_number
from switchyard.ops.overview import BROKER
from switchyard.ops.pages import demand, page, shown
from switchyard.ops.reading import Question, Reading, of_database
from switchyard.ops.verdict import Verdict

PREVIEWED = 10

T = TypeVar("T")


class Filter(forms.Form):
    """Which dead letters are meant. What is left empty matches everything."""

    queue = forms.ChoiceField(required=False, choices=[("", "all"), *((name, name) for name in PLACES)])
    task = forms.CharField(required=False, max_length=255, help_text="a pattern, as reports.*")
    reason = forms.ChoiceField(required=False, choices=[("", "all"), *((each, each) for each in REASONS)])
    id = forms.CharField(required=False, max_length=255, label="Task id")


class Confirmed(Filter):
    """What somebody confirmed: these, so many, and none that died later."""

    count = WholeNumber(min_value=1, max_value=10**12)
    died_by = forms.DateTimeField(required=False)
    why = forms.CharField(required=False, max_length=500)
    typed = forms.CharField(required=False)


@dataclass(frozen=True)
class Meant:
    #: What was said, by the names of the form.
    given: dict[str, str]

    @classmethod
    def of(cls, wanted: dict[str, Any]) -> "Meant":
        return cls({name: wanted[name] for name in Filter.base_fields if wanted.get(name)})

    @property
    def query(self) -> str:
        return urlencode(self.given)

    @property
    def options(self) -> str:
        """The same for the command ``deadletters``."""
        return " ".join(f"--{name} {shlex.quote(value)}" for name, value in self.given.items())


def _count_each() -> dict[str, int | None]:
    """Of each place, as the broker has it, those in somebody's hand included."""
    with Management.from_settings(timeout_seconds=timeouts.PAGE_SECONDS) as management:
        depths = read_fresh(management).depths
    return {
        name: depths[place.queue].messages if place.queue in depths else None
        for name, place in PLACES.items()
    }


COUNTS = Question(BROKER, _count_each)


@page("GET")
def listed(request: HttpRequest) -> HttpResponse:
    """The broker's own counts, and of the copy what matches: kinds, and one page of the list."""
    form = Filter(request.GET)
    meant = Meant.of(form.cleaned_data if form.is_valid() else {})
    counting = COUNTS.begin()
    copied = of_copy(lambda: _page_of(meant, request.GET.get("page")))
    counts = counting()
    context: dict[str, Any] = {
        "form": form,
        "meant": meant,
        "sources": [counts, copied],
        "verdict": _verdict(counts),
        "copied": copied.value,
        "copy": jobs.last_copy(),
        "running": _running(counts, copied),
    }
    return shown(request, "deadletters", "Dead letters", context)


@page("POST")
def copy_now(request: HttpRequest) -> HttpResponse:
    if jobs.ask_for_copy(request.user.get_username()) is None:
        messages.info(request, "A copy is being brought in already.")
    return redirect("admin:switchyard_deadletters")


@page("GET", "POST")
def confirm(request: HttpRequest, verb: str) -> HttpResponse:
    """GET says how many and which; POST has a job do it."""
    demand(request, verb)
    if request.method == "POST":
        return _ask(request, verb)
    form = Filter(request.GET)
    if not form.is_valid():
        return redirect("admin:switchyard_deadletters")
    return _preview(request, verb, Meant.of(form.cleaned_data))


def _ask(request: HttpRequest, verb: str) -> HttpResponse:
    form = Confirmed(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was done: what came was not the form of that page. Look again.")
        return redirect("admin:switchyard_deadletters")
    wanted = form.cleaned_data
    meant = Meant.of(wanted)
    if verb == Verb.DISCARD and whole_number(wanted["typed"]) != wanted["count"]:
        trouble = f"Nothing was discarded: type the number {wanted['count']} to confirm."
        return _preview(request, verb, meant, trouble=trouble)
    job = jobs.ask(
        verb,
        request.user.get_username(),
        why=wanted["why"],
        place=meant.given.get("queue", ""),
        task=meant.given.get("task", ""),
        reason=meant.given.get("reason", ""),
        task_id=meant.given.get("id", ""),
        died_by=wanted["died_by"],
        counted=wanted["count"],
    )
    about = f"dead letters of {meant.given.get('queue', '') or 'all queues'}"
    note(verb, about, who=request.user.get_username(), before=wanted["count"], after=f"job {job.pk}")
    return redirect("admin:switchyard_deadletters_job", number=job.pk)


def _preview(request: HttpRequest, verb: str, meant: Meant, trouble: str = "") -> HttpResponse:
    found = copies.meant(meant.given)

    def read() -> dict[str, Any]:
        refused = copies.not_replayable(found) if verb == Verb.REPLAY else []
        return {
            "groups": copies.groups(found),
            "refused": refused,
            "rows": list(copies.newest_first(found)[:PREVIEWED]),
            "newest": copies.newest(found),
        }

    copied = of_copy(read)
    context = {"verb": verb, "meant": meant, "copied": copied.value, "copy": jobs.last_copy()}
    title = f"{verb.capitalize()} dead letters"
    return shown(request, "confirm", title, context | {"trouble": trouble or copied.trouble})


def _page_of(meant: Meant, number: str | None) -> dict[str, Any]:
    found = copies.meant(meant.given)
    rows = FirstRows(copies.newest_first(found), copies.LISTED).get_page(number)
    return {"groups": copies.groups(found), "page": rows, "rows": list(rows)}


def of_copy(read: Callable[[], T]) -> Reading[T]:
    return Question("the copy of the dead letters (PostgreSQL)", of_database(read)).ask()


def _verdict(counts: Reading[dict[str, int | None]]) -> Verdict:
    if counts.value is None:
        return Verdict("bad", f"How many there are is not known: {counts.trouble}")
    missing = [name for name, number in counts.value.items() if number is None]
    if missing:
        return Verdict("bad", f"How many there are is not known of {', '.join(missing[:5])}.")
    dead = {name: number for name, number in counts.value.items() if number}
    if not dead:
        return Verdict("good", "No dead letters: nothing has failed for good.")
    each = ", ".join(f"{name} {count(number)}" for name, number in list(dead.items())[:10])
    total = sum(number or 0 for number in dead.values())
    return Verdict("warning", f"{count(total)} dead letters: {each}{', ...' if len(dead) > 10 else ''}.")


def _running(counts: Reading[dict[str, int | None]], copied: Reading[dict[str, Any]]) -> Any:
    """The copy that is being brought in; it is asked for where the broker has others than the last one."""
    if counts.value is not None and copied.value is not None:
        total = sum(number or 0 for number in counts.value.values())
        last = jobs.last_copy()
        if last is None or total != copies.meant({}).count():
            jobs.ask_for_copy()
    return jobs.open_jobs().filter(deed=Deed.COPY).first()
