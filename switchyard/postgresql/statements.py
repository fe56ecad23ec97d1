"""Recognises the statements after which a session is not like any other.

A pooled connection may go to somebody else between two statements, unless the first has left something in
its session that the second counts on. What a function of the database's own leaves there cannot be seen from
here: let it use ``SET LOCAL`` and locks of the transaction, or call it in a transaction.
"""

import re
from functools import lru_cache
from typing import Any

from psycopg.sql import Composable

#: Statements of which it is kept what was read off them, and characters of the longest such.
KEPT, LONGEST_KEPT = 1000, 4096

#: What nearly all statements begin with, and what must be in one of these for it to leave anything.
_HARMLESS = ("select", "insert", "update", "delete", "with", "savepoint", "release", "rollback", "commit")
_SUSPICIOUS = (";", "temp", "advisory_lock", "set_config", "dblink_connect")

#: Where a statement begins, whatever comments stand before it.
_BEGIN = r"(?:\A|;)\s*(?:(?:/\*.*?\*/|--[^\n]*\n)\s*)*"
_TEMPORARY = r"(?:(?:LOCAL|GLOBAL)\s+)?TEMP"
#: A setting, role, prepared statement, cursor, subscription or temporary table that outlives its transaction.
_STATEMENT = (
    rf"{_BEGIN}(?:SET\s+(?!LOCAL\b|TRANSACTION\b|CONSTRAINTS\b)|PREPARE\s+(?!TRANSACTION\b)"
    rf"|RESET\b|DISCARD\b|LISTEN\b|LOAD\b|DECLARE\b|CREATE\s+{_TEMPORARY})"
)
#: What does the same from within another statement. A last argument of set_config that is true says: until
#: the end of the transaction.
_CALL = (
    rf"\bINTO\s+{_TEMPORARY}|\bpg_(?:try_)?advisory_lock|\bset_config\s*\((?![^)]*\btrue\s*\))"
    r"|\bdblink_connect"
)
_LEAVES_STATE = re.compile(f"{_STATEMENT}|{_CALL}", re.IGNORECASE | re.DOTALL)


def leaves_state(statement: Any) -> bool:
    """Whether a statement, in any form that the driver takes, leaves something in its session."""
    if isinstance(statement, Composable):
        statement = statement.as_string(None)
    elif isinstance(statement, bytes):
        statement = statement.decode(errors="replace")
    if len(statement) > LONGEST_KEPT:
        return _read(statement)
    return _known(str(statement))


def _read(statement: str) -> bool:
    lower = statement.lstrip().lower()
    if lower.startswith(_HARMLESS) and not any(word in lower for word in _SUSPICIOUS):
        return False
    return _LEAVES_STATE.search(statement) is not None


#: Most are sent again and again, their values beside them, and to read one takes as long as to send it.
_known = lru_cache(maxsize=KEPT)(_read)
