"""`python -m deploy.prometheus`: writes the rules as the Prometheus operator takes them.

Kustomize can neither read a file outside of its folder nor put one into a field, so k8s/components/monitoring
has a copy; a test holds it to the rules.
"""

from pathlib import Path
from textwrap import indent

RULES = Path(__file__).parent / "rules"
OUTPUT = Path(__file__).parents[2] / "k8s" / "components" / "monitoring" / "rules.yaml"
_HEAD = """\
# Written by `python -m deploy.prometheus` from deploy/prometheus/rules: change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: switchyard
spec:
  groups:
"""


def written() -> str:
    return _HEAD + "".join(_groups(file) for file in sorted(RULES.glob("*.yml")))


def _groups(file: Path) -> str:
    """The groups of one file with the comments before them, as lines of a longer list."""
    remarks, _, groups = file.read_text().partition("groups:\n")
    return indent(remarks, "    ") + indent(groups, "  ")


if __name__ == "__main__":
    OUTPUT.write_text(written())
