"""Settings with a pool of the project's own, of one connection, for which nobody waits long."""

from tests.impatient import *  # noqa: F403
from tests.impatient import DATABASES

DATABASES["default"] |= {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"min_size": 1, "max_size": 1, "timeout": 1}}}
