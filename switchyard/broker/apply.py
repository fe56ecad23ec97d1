"""Makes a live broker like the declared topology, without ever deleting a message."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from switchyard.broker.comparison import differences
from switchyard.broker.definitions import Queue, Topology
from switchyard.broker.difference import Difference, Mend
from switchyard.broker.live import declare, deleted_empty, live_topology, remove
from switchyard.broker.management import Management
from switchyard.broker.topology import declared, version_of

#: Times that apply looks at the broker. Two do, unless a queue was replaced, whose bindings went with it, or
#: another node of a cluster has yet to hear of a policy.
LOOKS = 10
PAUSE_SECONDS = 0.2

VERBS = (Mend.CREATE, Mend.CHANGE, Mend.REMOVE, Mend.REPLACE, Mend.DISPLACE)


@dataclass
class Changes:
    """What ``apply`` did, by what each thing prints as, and the differences that remain."""

    #: By verb: created, changed, removed, replaced, displaced.
    done: dict[str, list[str]]
    unchanged: int
    #: What it could not mend, or may not.
    refused: list[Difference] = field(default_factory=list)
    #: What it left alone because messages may depend on it.
    kept: list[Difference] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            **self.done,
            "unchanged": self.unchanged,
            "refused": [item.as_json() for item in self.refused],
            "kept": [item.as_json() for item in self.kept],
        }


def apply(
    management: Management, *, identity: str = "", replace_empty: bool = False, take_over: bool = False
) -> Changes:
    """Mend every difference that can be mended live. Idempotent, and safe beside a second apply.

    ``identity`` is this installation's, and marks the vhost as its own; in another's nothing is done, unless
    ``take_over`` allows to remove the other's mark. ``replace_empty`` allows to delete a queue of the wrong
    type that is empty and unused, and to declare it anew. Raises ManagementError if the broker cannot be
    reached or declines a declaration; what was applied until then stays, and the next apply goes on from
    there.
    """
    topology = declared(version_of(management.version()), identity)
    optional = {Mend.REPLACE: replace_empty, Mend.DISPLACE: take_over}
    attempt = Attempt(management, {verb for verb in VERBS if optional.get(verb, True)})
    for _ in range(LOOKS):
        found = differences(topology, live_topology(management))
        worked = attempt.mend(found)
        if not found or not (worked or attempt.mended):
            break
        if not worked:
            time.sleep(PAUSE_SECONDS)
    return attempt.changes(topology, found)


class Attempt:
    """One apply: what it has mended so far, and what the broker kept it from mending."""

    def __init__(self, management: Management, allowed: Collection[Mend]) -> None:
        self.mended: dict[str, Mend] = {}
        self._declined: dict[str, str] = {}
        self._management = management
        self._allowed = allowed

    def mend(self, found: list[Difference]) -> bool:
        """Mend what may be mended, in order. False if there was nothing to do."""
        if self._not_ours(found):
            return False
        todo = [item for item in found if item.mend in self._allowed and item.what not in self._declined]
        for item in todo:
            if self._mended(item):
                self.mended.setdefault(item.what, item.mend)
        return bool(todo)

    def changes(self, topology: Topology, found: list[Difference]) -> Changes:
        """The outcome, given the differences that the last look found."""
        found = self._not_ours(found) or found
        touched = self.mended.keys() | {item.what for item in found}
        return Changes(
            done={f"{mend}d": [what for what, how in self.mended.items() if how is mend] for mend in VERBS},
            unchanged=len(topology.keys() - touched),
            refused=[self._explained(item) for item in found if item.mend is not Mend.KEEP],
            kept=[item for item in found if item.mend is Mend.KEEP],
        )

    def _not_ours(self, found: list[Difference]) -> list[Difference]:
        """What says that the vhost is another installation's, which is to be left alone."""
        return [item for item in found if item.mend is Mend.DISPLACE and Mend.DISPLACE not in self._allowed]

    def _mended(self, item: Difference) -> bool:
        if item.mend in {Mend.REMOVE, Mend.DISPLACE}:
            remove(self._management, item.thing)
            return True
        if item.mend is Mend.REPLACE and isinstance(item.thing, Queue):
            declined = deleted_empty(self._management, item.thing)
            if declined:
                self._declined[item.what] = declined
                return False
        declare(self._management, item.thing)
        return True

    def _explained(self, item: Difference) -> Difference:
        declined = self._declined.get(item.what)
        return replace(item, remedy=f"RabbitMQ says: {declined}; {item.remedy}") if declined else item
