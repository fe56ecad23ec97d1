"""Says of what was asked for on dead letters what a command shows. Needs no admin, which pages do."""

from typing import Any

from switchyard.deadletters.models import Job


def chords_over(count: int) -> str:
    """What a replay of so many cannot mend."""
    return (
        f"{count:,} of them are parts of chords that have failed for good: they run again, but the chord's "
        "body is not sent. Call the chord anew."
    )


def as_object(job: Job) -> dict[str, Any]:
    """One line of what the command shows."""
    return {
        "job": job.pk,
        "deed": job.deed,
        "state": job.state,
        "by": job.by,
        "why": job.why,
        "asked": f"{job.asked_at:%Y-%m-%d %H:%M:%S}",
        "counted": job.counted,
        "looked at": job.looked_at,
        "done": job.done,
        "refused": job.refused,
        "trouble": job.trouble,
    }
