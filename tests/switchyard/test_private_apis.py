"""The page of private APIs says what the code uses, and the versions that are installed have all of it."""

import re
from pathlib import Path

import pytest

from tests.private_apis import (
    DOCUMENTED,
    ENGINE,
    OF_A_COMMAND,
    PAGE,
    ROOT,
    ROWS,
    Row,
    classes,
    has,
    has_test,
    look_up,
    overridden,
    source,
)

SELF = "class A:\n def __init__(self):\n  self._mine = 1\n def say(self):\n  self._mine"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_we_use_is_still_there_in_the_versions_that_are_installed(row: Row) -> None:
    whose = look_up(row.whose)
    gone = [name for name in row.used if has(whose, name) != row.expected]
    assert not gone, f"{row.whose} has no {', '.join(gone)} any more; {', '.join(row.files)} use it"


def test_what_the_page_lists_is_still_used_where_it_says() -> None:
    over = []
    for row in ROWS:
        said = {
            file: source(ENGINE / file).words if (ENGINE / file).is_file() else set() for file in row.files
        }
        over += [
            f"{name} of {row.whose}" for name in row.used if not any(name in said[file] for file in said)
        ]
        over += [f"{row} in {file}" for file in said if not said[file] & set(row.used)]
    assert ROWS
    assert not over, f"no longer used; take it off {PAGE.relative_to(ROOT)}: {over}"


def test_every_row_names_a_test_that_there_is() -> None:
    missing = [
        f"{row}: {test or 'none'}" for row in ROWS for test in row.tests or ("",) if not has_test(test)
    ]
    assert not missing


def test_nothing_with_an_underscore_of_somebody_else_is_used_without_a_row() -> None:
    listed = {(file, name) for row in ROWS for file in row.files for name in row.used}
    unlisted = [
        f"{path.relative_to(ENGINE)}: {name}"
        for path in sorted(ENGINE.rglob("*.py"))
        for name in source(path).foreign
        if (str(path.relative_to(ENGINE)), name) not in listed
    ]
    assert not unlisted, (
        f"write a row in {PAGE.relative_to(ROOT)}, with the test that notices, for {unlisted}"
    )


def test_nothing_of_somebody_else_is_overridden_without_a_row() -> None:
    documented = set(re.findall(r"`(\w+)`", PAGE.read_text().partition(DOCUMENTED)[2])) | OF_A_COMMAND
    listed = {name for row in ROWS for name in row.used} | documented
    unlisted = {
        f"{ours.__module__}.{ours.__qualname__}.{name} of {theirs}"
        for ours in classes()
        for name, theirs in overridden(ours)
        if name not in listed
    }
    assert not unlisted, f"write a row in {PAGE.relative_to(ROOT)} for {sorted(unlisted)}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import celery\ncelery.app._private", {"_private"}),
        ("from celery.app.defaults import _OLD", {"_OLD"}),
        ("getattr(pool, '_pool', None)", {"_pool"}),
        ("vars(app)['_tasks']", {"_tasks"}),
        ("celery.task(_own=1)", {"_own"}),
        (SELF, set()),
        ("_made = 1\n_made.__dict__", set()),
    ],
)
def test_each_way_to_reach_a_private_name_is_found(text: str, found: set[str], tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text(text)
    assert source(file).foreign == found


def test_a_row_for_what_is_gone_fails() -> None:
    assert not has(look_up("celery.worker.request.Request"), "_never_was")
    with pytest.raises((ImportError, AttributeError)):
        look_up("celery.worker.request.Never")
