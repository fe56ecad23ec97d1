"""The tests' settings with a way to make promises over HTTP."""

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.faults.ledger.urls"
