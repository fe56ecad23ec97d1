"""Bodies that a client might send: some right, some nearly right, some nothing of the kind."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3))


def bodies(**fields: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Objects with these fields, of which some are missing, wrong or too many; and any other JSON value."""
    near = {name: values | values.map(str) | VALUES for name, values in fields.items()}
    objects = st.fixed_dictionaries({}, optional={**near, "more": VALUES})
    return st.fixed_dictionaries(fields) | objects | VALUES
