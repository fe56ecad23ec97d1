"""Shows dead letters on pages, and replays or discards them, so many at a time."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from switchyard.deadletters import actions
from switchyard.deadletters.errors import errors_of, traceback_of
from switchyard.deadletters.letter import REASONS, DeadLetter
from switchyard.deadletters.listing import details, summary
from switchyard.deadletters.models import Verb
from switchyard.deadletters.places import PLACES, Place, places
from switchyard.deadletters.scan import Selection
from switchyard.ops.audit import note
from switchyard.ops.numbers import WholeNumber, whole_number
from switchyard.ops.pages import allowed, demand, page, shown
from switchyard.ops.redaction import named, redacted
from switchyard.ops.search import Found, WhyNot, act, nothing, search
from switchyard.ops.timeouts import NoAnswer, within
from switchyard.outage import Unavailable

#: Rows of the list, rows of a preview, and dead letters that one request acts on.
LISTED = 100
PREVIEWED = 10
AT_ONCE = 200

#: Headers that repeat, without names, what a page shows elsewhere.
SAID_BETTER = {"argsrepr", "kwargsrepr", "x-death"}
NOTHING: tuple[Any, ...] = (None, "", [], {}, [None, None])

#: Verb to what is done, and why it cannot be.
DEEDS: dict[str, tuple[Callable[..., None], WhyNot]] = {
    Verb.REPLAY: (actions.replay, actions.why_not_replayed),
    Verb.DISCARD: (actions.discard, nothing),
}


class Filter(forms.Form):
    """Which dead letters are meant. What is left empty matches everything."""

    queue = forms.ChoiceField(required=False, choices=[("", "all"), *((name, name) for name in PLACES)])
    task = forms.CharField(required=False, max_length=255, help_text="a pattern, as reports.*")
    reason = forms.ChoiceField(
        required=False,
        choices=[
            ("", "all"),
            *((each, each) for each in REASONS),
        ],
    )
    id = forms.CharField(required=False, max_length=255, label="Task id")


class Deed(Filter):
    """What somebody confirmed: these, so many, and none that died later."""

    count = WholeNumber(min_value=1)
    died_by = forms.DateTimeField(required=False)
    done = WholeNumber(min_value=0, initial=0)
    typed = forms.CharField(required=False)


@dataclass(frozen=True)
class Meant:
    places: list[Place]
    selection: Selection
    #: What was said, by the names of the form.
    given: dict[str, str]

    @property
    def query(self) -> str:
        return urlencode(self.given)

    @property
    def options(self) -> str:
        """The same for the command ``deadletters``."""
        return " ".join(f"--{name} {shlex.quote(value)}" for name, value in self.given.items())


@page("GET")
def listed(request: HttpRequest) -> HttpResponse:
    form = Filter(request.GET)
    if not form.is_valid():
        return shown(request, "deadletters", "Dead letters", {"form": form, "meant": _meant({})})
    meant = _meant(form.cleaned_data)
    found, trouble = _seen(meant, nothing, LISTED)
    letters = found.letters if found else []
    errors = errors_of(letter.task_id for letter in letters)
    rows = [summary(letter, errors.get(letter.task_id, "")) for letter in letters]
    context = {"form": form, "meant": meant, "look": found, "rows": rows, "trouble": trouble}
    return shown(request, "deadletters", "Dead letters", context)


@page("GET")
def one(request: HttpRequest, task_id: str) -> HttpResponse:
    """All dead letters of one task; what they hold only for whoever may see that."""
    meant = _meant({"id": task_id})
    found, trouble = _seen(meant, nothing, PREVIEWED)
    may_read = allowed(request, "payload")
    letters = [_readable(letter, may_read=may_read) for letter in found.letters] if found else []
    context = {"meant": meant, "letters": letters, "trouble": trouble, "task_id": task_id}
    return shown(request, "deadletter", "Dead letter", context)


@page("GET", "POST")
def confirm(request: HttpRequest, verb: str) -> HttpResponse:
    """GET says how many and which; POST does so many of them, and says how many are left."""
    demand(request, verb)
    if request.method == "POST":
        return _do(request, verb)
    form = Filter(request.GET)
    if not form.is_valid():
        return redirect("admin:switchyard_deadletters")
    return _preview(request, verb, _meant(form.cleaned_data))


def _do(request: HttpRequest, verb: str) -> HttpResponse:
    form = Deed(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was done: what came was not the form of that page. Look again.")
        return redirect("admin:switchyard_deadletters")
    wanted = form.cleaned_data
    meant = _meant(wanted)
    if verb == Verb.DISCARD and whole_number(wanted["typed"]) != wanted["count"]:
        trouble = f"Nothing was discarded: type the number {wanted['count']} to confirm."
        return _preview(request, verb, meant, trouble=trouble)
    do, why_not = DEEDS[verb]
    by = partial(do, by=request.user.get_username())
    left = wanted["count"] - wanted["done"]
    try:
        step = act(meant.places, meant.selection, why_not, by, min(left, AT_ONCE))
    except Unavailable as away:
        return _progress(request, verb, meant, wanted, str(away))
    wanted["done"] += step
    whom = f"dead letters: {', '.join(place.name for place in meant.places)}"
    note(verb, whom, who=request.user.get_username(), before=wanted["count"], after=wanted["done"])
    if step and wanted["done"] < wanted["count"]:
        return _progress(request, verb, meant, wanted)
    return _finished(request, verb, meant, wanted)


def _preview(request: HttpRequest, verb: str, meant: Meant, trouble: str = "") -> HttpResponse:
    found, away = _seen(meant, DEEDS[verb][1], PREVIEWED)
    context = {
        "verb": verb,
        "meant": meant,
        "look": found,
        "rows": [summary(letter, "") for letter in found.letters] if found else [],
        "refused": found.refused.rows("why") if found else [],
        "trouble": trouble or away,
        "at_once": AT_ONCE,
    }
    return shown(request, "confirm", f"{verb.capitalize()} dead letters", context)


def _progress(
    request: HttpRequest, verb: str, meant: Meant, wanted: dict[str, Any], trouble: str = ""
) -> HttpResponse:
    left = wanted["count"] - wanted["done"]
    context = {"verb": verb, "meant": meant, "wanted": wanted, "left": left, "trouble": trouble}
    title = f"{verb.capitalize()} dead letters"
    return shown(request, "progress", title, context, status=503 if trouble else 200)


def _finished(request: HttpRequest, verb: str, meant: Meant, wanted: dict[str, Any]) -> HttpResponse:
    did = f"{verb}ed {wanted['done']:,} dead letters.".capitalize()
    missing = wanted["count"] - wanted["done"]
    if missing:
        gone = f" {missing:,} of those that were counted did not wait any more, or somebody else holds them."
        messages.warning(request, did + gone)
    else:
        messages.success(request, did)
    response = redirect("admin:switchyard_deadletters")
    response["Location"] += f"?{meant.query}"
    return response


def _meant(wanted: dict[str, Any]) -> Meant:
    given = {name: wanted[name] for name in ("queue", "task", "reason", "id") if wanted.get(name)}
    selection = Selection(given.get("task"), given.get("reason"), given.get("id"), wanted.get("died_by"))
    return Meant(places(given.get("queue")), selection, given)


def _seen(meant: Meant, why_not: WhyNot, keep: int) -> tuple[Found | None, str]:
    """What was found, or why nothing could be."""
    try:
        return within(lambda: search(meant.places, meant.selection, why_not, keep), "The broker"), ""
    except (Unavailable, NoAnswer) as away:
        return None, str(away)


def _readable(letter: DeadLetter, *, may_read: bool) -> dict[str, Any]:
    error = errors_of([letter.task_id]).get(letter.task_id, "")
    found = details(letter, error, traceback_of(letter.task_id) if may_read else "")
    shown_to_all = {**summary(letter, error), "history": found["history"], "size": found["size"]}
    if not may_read:
        return shown_to_all
    held = {"arguments": named(letter.task, found["args"], found["kwargs"])} if "args" in found else {}
    held |= {name: _said(found[name]) for name in ("options", "body_start", "headers") if found.get(name)}
    return shown_to_all | {"held": redacted(held), "traceback": found["traceback"]}


def _said(part: Any) -> Any:
    """Without what says nothing, or says it where no name tells whether it is secret."""
    if not isinstance(part, dict):
        return part
    return {key: value for key, value in part.items() if key not in SAID_BETTER and value not in NOTHING}
