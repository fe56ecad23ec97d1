"""Shows on pages what somebody has asked for on all dead letters, how far it is, and cancels it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from switchyard.deadletters import jobs
from switchyard.deadletters.models import Deed, Job, State
from switchyard.ops.job import chords_over
from switchyard.ops.pages import allowed, demand, page, shown
from switchyard.ops.verdict import Verdict

LISTED = 50
#: A job that nobody takes, or whose process says nothing, for so long: the role is not there.
SILENT_SECONDS = 15

KINDS = {State.DONE: "good", State.CANCELLED: "warning", State.FAILED: "bad"}


def verdict(job: Job) -> Verdict:
    """What has become of it, or how far it is."""
    said = f"{job.deed} by {job.by}: {job.state}".capitalize()
    if job.is_over:
        missing = (job.counted or 0) - job.done - job.refused
        kind = KINDS[State(job.state)]
        if job.state == State.DONE and (job.refusals or job.chords_over or missing > 0):
            kind = "warning"
        return Verdict(kind, f"{said}. {_came_of(job, missing)}{job.trouble}")
    if job.trouble:
        return Verdict("bad", f"{said}. {job.trouble} It goes on by itself.")
    if _is_silent(job):
        return Verdict("bad", f"{said}, but nobody works on it: is the role `jobs` running?")
    ending = f" {job.cancelled_by} has cancelled it." if job.cancelled_by else ""
    return Verdict("good", f"{said}.{ending}")


@page("GET")
def listed(request: HttpRequest) -> HttpResponse:
    found = [(job, verdict(job)) for job in jobs.recent_jobs(LISTED)]
    return shown(request, "jobs", "Jobs on dead letters", {"jobs": found})


@page("GET", "POST")
def one(request: HttpRequest, number: int) -> HttpResponse:
    """POST cancels it."""
    job = Job.objects.filter(pk=number).first()
    if job is None:
        raise Http404
    needed = "view" if job.deed == Deed.COPY else job.deed
    if request.method == "POST":
        demand(request, needed)
        if jobs.cancel(job, request.user.get_username()):
            messages.success(request, f"Job {job.pk} ends after what is in hand.")
        return redirect("admin:switchyard_deadletters_job", number=job.pk)
    context = {
        "job": job,
        "verdict": verdict(job),
        "chords": chords_over(job.chords_over) if job.chords_over else "",
        "may_cancel": allowed(request, needed) and not job.is_over,
    }
    return shown(request, "job", f"Job {job.pk}", context)


def _came_of(job: Job, missing: int) -> str:
    if job.deed == Deed.COPY:
        return f"{job.looked_at:,} dead letters copied. "
    said = f"{job.done:,} dead letters. "
    if job.refused:
        said += f"{job.refused:,} could not be. "
    if missing > 0:
        said += f"{missing:,} of those that were counted did not wait any more, or somebody else holds them. "
    if job.chords_over:
        said += f"{chords_over(job.chords_over)} "
    return said


def _is_silent(job: Job) -> bool:
    since = job.seen_at or job.asked_at
    return (timezone.now() - since).total_seconds() > SILENT_SECONDS
