"""What Helm makes of k8s/chart: Helm's own engine, as a library, in one process of the tools' environment."""

import json
import subprocess
from typing import Any

import yaml

from deploy.cluster.tools import tool
from tests.manifests.rendered import K8S, Document

CHART = K8S / "chart"
#: Reads a list of values from its input, and writes for each what is rendered, or why it is refused.
PROGRAM = """
import json, sys
import helm_python

def rendered(chart, values):
    try:
        chart.validate_schema(values)
        return {"files": chart.render(values, name="switchyard", namespace="switchyard")}
    except helm_python.HelmError as error:
        return {"refused": str(error)}

path, = sys.argv[1:]
with helm_python.Chart.load(path) as chart:
    found = [rendered(chart, values) for values in json.load(sys.stdin)]
json.dump({"rendered": found, "lint": helm_python.lint(path)}, sys.stdout)
"""


def answers(every: list[Document]) -> Document:
    """Of each values: ``files``, or ``refused``. And what ``helm lint`` finds."""
    command = [tool("python"), "-c", PROGRAM, str(CHART)]
    result = subprocess.run(command, input=json.dumps(every), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def resources(files: dict[str, str]) -> list[Document]:
    """Every one that is rendered."""
    written = [text for name, text in files.items() if name.endswith(".yaml")]
    return [item for text in written for item in yaml.safe_load_all(text) if item]
