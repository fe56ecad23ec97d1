"""A queue's depth as a line, drawn by the server: no script, and no style but the page's own."""

from collections.abc import Sequence

from app.metrics.samples import Sample

WIDTH = 240
HEIGHT = 40


def points(samples: Sequence[Sample]) -> str:
    """For the attribute ``points`` of an SVG polyline; the top is the highest, the bottom is zero."""
    if len(samples) < 2:
        return ""
    start = samples[0][0]
    span = samples[-1][0] - start or 1.0
    top = highest(samples) or 1
    return " ".join(
        f"{WIDTH * (at - start) / span:.1f},{HEIGHT - HEIGHT * depth / top:.1f}" for at, depth in samples
    )


def highest(samples: Sequence[Sample]) -> int:
    return max((depth for _, depth in samples), default=0)
