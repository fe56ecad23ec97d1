"""Asks a Prometheus for an alert: its state, since when, and the value and threshold of each of its parts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

TIMEOUT_SECONDS = 5.0
_JOINED = re.compile(r"\b(and|or|unless)\b(?:\s+(?:on|ignoring)\s*\([^)]*\))?")
_COMPARED = re.compile(r"(?<![=!<>~])(>=|<=|==|!=|>|<)(?![=~])(?:\s+bool\b)?")
#: Labels that are the same for all of an alert.
UNSAID = {"__name__", "alertname", "severity"}

Row = dict[str, Any]


class PrometheusError(Exception):
    """It did not answer, or not as Prometheus does. The message can be shown."""


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison of an alert's expression; ``joined`` is how it goes with those before it."""

    joined: str
    text: str
    value: str = ""
    sign: str = ""
    limit: str = ""


class Prometheus:
    """A client of the HTTP API at ``url``."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=timeout_seconds, trust_env=False)
        # Without what stands before an @.
        self._place = re.sub(r"//[^/]*@", "//", url)

    def __str__(self) -> str:
        return f"Prometheus at {self._place}"

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def alerts(self) -> dict[str, list[Row]]:
        """Name to its rules, each with query, duration (s), state, and the alerts pending or firing."""
        found: dict[str, list[Row]] = {}
        for group in self._get("rules", type="alert").get("groups", ()):
            for rule in group["rules"]:
                found.setdefault(rule["name"], []).append(rule)
        return found

    def values(self, query: str) -> dict[str, float]:
        """Labels, as ``queue=io``, to the number now; a number that has none, or is none, has ''."""
        answer = self._get("query", query=query)
        if answer.get("resultType") == "scalar":
            return {"": float(answer["result"][1])}
        found = answer.get("result", ())
        return {labels_of(series["metric"]): float(series["value"][1]) for series in found}

    def _get(self, path: str, **query: str) -> Row:
        try:
            response = self._http.get(f"/api/v1/{path}", params=query)
            answer: Row = response.json()
            data: Row = answer["data"] if answer["status"] == "success" else {}
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise PrometheusError(
                f"{self} did not answer as Prometheus does ({str(error) or type(error).__name__}). "
                "Start it, or correct PROMETHEUS_URL."
            ) from None
        if not response.is_success or "data" not in answer:
            raise PrometheusError(
                f"{self} answered {path} with {response.status_code}. Correct PROMETHEUS_URL."
            )
        return data


def labels_of(labels: dict[str, str]) -> str:
    shown = {
        name: value for name, value in labels.items() if name not in {"__name__", "alertname", "severity"}
    }
    return ", ".join(f"{name}={value}" for name, value in sorted(shown.items()))


def parts(query: str) -> Iterator[Part]:
    """The comparisons that it is joined of; what stands in brackets is one."""
    query = " ".join(query.split())
    outer, begin, joined = _outside(query), 0, ""
    for found in [*_JOINED.finditer(outer), None]:
        text = query[begin : found.start() if found else None].strip()
        compared = list(_COMPARED.finditer(_outside(text)))
        if len(compared) == 1:
            where = compared[0]
            yield Part(joined, text, text[: where.start()].strip(), where[1], text[where.end() :].strip())
        else:
            yield Part(joined, text)
        if found:
            begin, joined = found.end(), query[found.start() : found.end()]


def _outside(text: str) -> str:
    """The same with blanks for what is in brackets or in quotes."""
    found, depth, quote = [], 0, ""
    for character in text:
        hidden = depth > 0 or bool(quote)
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'`":
            quote, hidden = character, True
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth, hidden = depth - 1, depth > 1
        found.append(" " if hidden else character)
    return "".join(found)
