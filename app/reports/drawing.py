"""The two forms of a finished report."""

import csv
import io
import sys
from typing import Any

import pygal
from pygal.style import CleanStyle

# pygal leaves an import hook behind, for plugins not used here, and Python warns of it at each import.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

#: Counts by date and kind: ``{"2026-01-31": {"report.done": 3}}``.
Counts = dict[str, dict[str, int]]


def draw_csv(dates: list[str], counts: Counts) -> str:
    """A row for each date and kind that has events, and a header."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["date", "kind", "events"])
    for date in dates:
        writer.writerows([date, kind, events] for kind, events in sorted(counts.get(date, {}).items()))
    return text.getvalue()


def draw_chart(dates: list[str], counts: Counts) -> str:
    """An SVG of events per day, a line for each kind. It holds no script and names no other host."""
    chart = pygal.Line(
        js=[],
        style=CleanStyle(font_family="sans-serif"),
        title=f"Events from {dates[0]} to {dates[-1]}",
        x_labels=dates,
        x_labels_major_count=min(len(dates), 6),
        show_minor_x_labels=False,
        no_data_text="No events",
        width=960,
        height=480,
    )
    for kind in sorted({kind for kinds in counts.values() for kind in kinds}):
        chart.add(kind, [counts.get(date, {}).get(kind, 0) for date in dates])
    chart.add_xml_filter(_without_scripts)
    svg: str = chart.render(is_unicode=True)
    return svg


def _without_scripts(svg: Any) -> Any:
    """pygal writes its configuration as a script, even with ``js=[]``, and its addresses as comments."""
    for parent in list(svg.iter()):
        for child in list(parent):
            if callable(child.tag) or child.tag.endswith("script"):
                parent.remove(child)
    return svg
