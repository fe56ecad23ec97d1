"""Tests that root alone can run, as what they try is what root does. CI is root, and skips none."""

import os

import pytest

root_only = pytest.mark.skipif(
    os.geteuid() != 0 and not os.environ.get("CI"),
    reason="tries what root's demo does for another user, which nobody else can; CI runs it",
)
