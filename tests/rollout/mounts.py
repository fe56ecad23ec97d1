"""What a pod's volumes hold, as files in a folder of the pod, and the environment that names them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Kind of the volume (``secret``, ``configMap``) to name to key to value.
Objects = Mapping[str, Mapping[str, Mapping[str, str]]]


def write(spec: dict[str, Any], folder: Path, objects: Objects) -> None:
    """Write, or write anew, every volume that the container mounts. An emptyDir or a claim is empty."""
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for mount in spec["containers"][0]["volumeMounts"]:
        place = folder / mount["mountPath"].lstrip("/")
        files = content(volumes.get(mount["name"], {"emptyDir": {}}), objects)
        if "subPath" in mount:
            place, files = place.parent, {place.name: files[mount["subPath"]]}
        place.mkdir(parents=True, exist_ok=True)
        for name, value in files.items():
            partial = place / f"..{name}"
            partial.write_text(value)
            partial.replace(place / name)


def content(volume: dict[str, Any], objects: Objects) -> dict[str, str]:
    """File name to text."""
    if "emptyDir" in volume:
        return {}
    (kind,) = set(volume) & set(objects)
    data = objects[kind][volume[kind].get("secretName") or volume[kind]["name"]]
    items = volume[kind].get("items") or [{"key": key, "path": key} for key in data]
    return {item["path"]: data[item["key"]] for item in items}


def environment(template: dict[str, Any], folder: Path, objects: Objects) -> dict[str, str]:
    """The container's variables; a path under a mount is where that mount is here."""
    container = template["spec"]["containers"][0]
    given: dict[str, str] = {}
    for source in container.get("envFrom", []):
        given |= objects["configMap"][source["configMapRef"]["name"]]
    for item in container.get("env", []):
        given[item["name"]] = item["value"] if "value" in item else _of_field(item["valueFrom"], template)
    paths = [mount["mountPath"] for mount in container["volumeMounts"]]
    return {name: _moved(value, paths, folder) for name, value in given.items()}


def expanded(words: list[str], env: Mapping[str, str]) -> list[str]:
    """``$(NAME)`` as Kubernetes puts it into a command."""
    return [re.sub(r"\$\((\w+)\)", lambda found: env[found[1]], word) for word in words]


def _of_field(source: dict[str, Any], template: dict[str, Any]) -> str:
    path = source["fieldRef"]["fieldPath"]
    label = re.fullmatch(r"metadata\.labels\['(.+)'\]", path)
    assert label, f"Expected a label of the pod, got {path}: see tests/rollout/mounts.py."
    return str(template["metadata"]["labels"][label[1]])


def _moved(value: str, paths: list[str], folder: Path) -> str:
    inside = any(value == path or value.startswith(f"{path}/") for path in paths)
    return f"{folder}{value}" if inside else value
