"""Which Secrets and ConfigMaps a rendered resource refers to, and which keys of them."""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
#: The keys that an operator looks for in the Secret that a resource of this kind names.
OPERATORS = {
    "Cluster": ("username", "password"),
    "RabbitmqCluster": ("tls.crt", "tls.key"),
    "User": ("username", "password"),
}


def secrets(document: Document) -> set[tuple[str, str]]:
    """(Secret, key) of each key that it reads; the key is empty where that is for the reader to know."""
    keys = OPERATORS.get(document["kind"], ("",))
    return {(name, one) for name, key in _all(document, "secret") for one in ([key] if key else keys)}


def config_maps(document: Document) -> set[tuple[str, str]]:
    """The same of ConfigMaps."""
    return _all(document, "configMap")


def made_secrets(document: Document) -> set[tuple[str, str]]:
    """(Secret, key) that it makes: itself, or what an External Secret brings."""
    if document["kind"] == "Secret":
        keys = {**document.get("data", {}), **document.get("stringData", {})}
        return {(document["metadata"]["name"], key) for key in keys}
    if document["kind"] == "ExternalSecret":
        target = document["spec"]["target"]
        keys = target.get("template", {}).get("data") or {
            item["secretKey"]: item for item in document["spec"]["data"]
        }
        return {(target["name"], key) for key in keys}
    return set()


def _all(document: Document, what: str) -> set[tuple[str, str]]:
    found = {*_named(document.get("spec", {}), what.lower()), *_whole_volumes(document, what)}
    known = {name for name, key in found if key}
    return {(name, key) for name, key in found if key or name not in known}


def _named(node: Any, what: str) -> Iterator[tuple[str, str]]:
    """By any field with ``what`` in its name: a volume, a variable, or a custom resource's own."""
    if isinstance(node, list):
        for item in node:
            yield from _named(item, what)
    if isinstance(node, dict):
        for field, value in node.items():
            named = what in field.lower() and "store" not in field.lower()
            yield from _references(field, value) if named else _named(value, what)


def _references(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and field.endswith("Name"):
        yield value, ""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and not item.get("optional"):
            name = item.get("secretName") or item.get("name")
            keys = [one["key"] for one in item.get("items", ())] or [item.get("key", "")]
            yield from ((name, key) for key in keys if name)


def _whole_volumes(document: Document, what: str) -> Iterator[tuple[str, str]]:
    """Of a volume mounted whole: each file of it that a variable names."""
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    for container in pod.get("containers", ()):
        paths = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", ())}
        values = [variable.get("value", "") for variable in container.get("env", ())]
        for volume in pod.get("volumes", ()):
            source, path = volume.get(what, {"items": ()}), f"{paths.get(volume['name'])}/"
            if "items" not in source:
                name = source.get("secretName") or source["name"]
                yield from ((name, value.removeprefix(path)) for value in values if value.startswith(path))
