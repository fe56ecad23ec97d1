"""Lists every table of the engine, where Django looks for them."""

from switchyard.backend.models import Enqueued
from switchyard.deadletters.models import Action, Copy, Job
from switchyard.identity.models import DatabaseIdentity
from switchyard.metrics.models import Canary, NotEmptySince
from switchyard.ops.models import AuditLine, Operations
from switchyard.outbox.models import Message, Position
from switchyard.schedule.models import Clock, Refusal, Rule, Tick
from switchyard.tasks.models import Chord, ChordPart, Once
from switchyard.worker.models import RunAtRisk

__all__ = [
    "Action",
    "AuditLine",
    "Canary",
    "Chord",
    "ChordPart",
    "Clock",
    "Copy",
    "DatabaseIdentity",
    "Enqueued",
    "Job",
    "Message",
    "NotEmptySince",
    "Once",
    "Operations",
    "Position",
    "Refusal",
    "Rule",
    "RunAtRisk",
    "Tick",
]
