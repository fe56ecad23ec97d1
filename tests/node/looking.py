"""Looks that start a program each: a second apart, on two cores that have a whole cluster to run besides."""

from functools import partial

from tests import polling

eventually = partial(polling.eventually, every=1.0)
