"""Describes one way in which a live broker is not as declared, and what is done about it."""

from dataclasses import dataclass
from enum import StrEnum

from switchyard.broker.definitions import Definition, Facts
from switchyard.conf import conf

NOTHING = "nothing"
PRESENT = "present"
APPLY = f"run `{conf.COMMAND} topology apply`"


class Mend(StrEnum):
    """What ``topology apply`` does about a difference."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    #: Deleted if it is empty and unused, then declared anew; only when asked for.
    REPLACE = "replace"
    #: Another installation's mark: removed only when asked for, and nothing is mended while it is there.
    DISPLACE = "displace"
    #: Not possible on a live broker, or not ours to do.
    REFUSE = "refuse"
    #: Left alone, because messages may depend on it.
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Difference:
    """Prints as one line: what, expected, found, what to do."""

    thing: Definition
    expected: str
    found: str
    mend: Mend
    remedy: str = APPLY

    @property
    def what(self) -> str:
        return str(self.thing)

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}; {self.remedy}"

    def as_json(self) -> dict[str, str]:
        return {
            "what": self.what,
            "expected": self.expected,
            "found": self.found,
            "mend": self.mend.value,
            "remedy": self.remedy,
        }


def contrast(expected: Facts, found: Facts) -> tuple[str, str]:
    """Both sides in words, as far as they differ."""
    keys = [key for key in expected | found if expected.get(key) != found.get(key)]
    return words({key: expected.get(key) for key in keys}), words({key: found.get(key) for key in keys})


def words(facts: Facts) -> str:
    said = [f"no {key}" if value is None else f"{key} {value}" for key, value in facts.items()]
    return ", ".join(said) or PRESENT
