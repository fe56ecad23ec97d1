"""Lists every table of the engine, where Django looks for them."""

from switchyard.deadletters.models import Action
from switchyard.metrics.models import Canary, NotEmptySince
from switchyard.ops.models import Operations
from switchyard.outbox.models import Message
from switchyard.schedule.models import Clock, Rule, Tick
from switchyard.tasks.models import Once
from switchyard.worker.models import RunAtRisk

__all__ = [
    "Action",
    "Canary",
    "Clock",
    "Message",
    "NotEmptySince",
    "Once",
    "Operations",
    "Rule",
    "RunAtRisk",
    "Tick",
]
