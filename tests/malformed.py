"""Messages as a broken, foreign or hostile publisher would send them: nearly tasks, or no tasks at all."""

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from struct import pack
from typing import Any

import amqp
from amqp.serialization import dumps

from app.celery import app

#: Values of every type that an AMQP table can hold.
VALUES: tuple[Any, ...] = (
    True,
    -1,
    7,
    2**40,
    1.5,
    "",
    "x",
    "\0",
    "x" * 300,
    [],
    [1],
    {},
    {"a": 1},
)

#: Header that decides something to the values above that are right for it.
RIGHT: dict[str, tuple[Any, ...]] = {
    "task": (),
    "id": ("x",),
    "root_id": ("x",),
    "parent_id": ("x",),
    "group": ("x",),
    "eta": (),
    "expires": (),
    "retries": (7,),
    "group_index": (7,),
    "timelimit": (),
    "ignore_result": (True,),
    "stamped_headers": ([],),
    "stamps": ({}, {"a": 1}),
}
BODIES: tuple[Any, ...] = (
    None,
    7,
    "text",
    [],
    {},
    [[], {}],
    [[], {}, {}, {}],
    [{}, {}, {}],
    [[], [], {}],
    ["abc", {}, {}],
    [[], {}, []],
    [[], {}, "x"],
    [[], {}, {"id": "another"}],
    [[], {}, {"callbacks": "x"}],
    [[], {}, {"callbacks": [7]}],
    [[], {}, {"callbacks": [{"task": 7}]}],
    [[], {}, {"errbacks": [{}]}],
    [[], {}, {"chain": {"task": "x"}}],
    [[], {}, {"chain": [None]}],
    [[], {}, {"chord": [1]}],
    [[], {}, {"chord": {"task": "x", "args": {}, "kwargs": [], "options": None}}],
)
CONTENT_TYPES = (
    None,
    "",
    "application/data",
    "application/text",
    "text/plain",
    "application/x-msgpack",
    "x" * 250,
)
ENCODINGS = (None, "", "binary", "utf-16", "rot13", "zlib", "no such", "ascii")
COMPRESSIONS = ("application/x-gzip", "gzip", "application/x-bz2", "application/zstd", "no such")


class Canary:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@dataclass
class Draft:
    """A message before it is published; ``raw`` stands for all of its properties, as bytes."""

    headers: dict[str, Any]
    body: bytes
    content_type: str | None = "application/json"
    content_encoding: str | None = "utf-8"
    raw: bytes | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def message(self, message_id: str) -> amqp.Message:
        return Published(
            self.body,
            raw=self.raw,
            message_id=message_id,
            delivery_mode=2,
            application_headers=self.headers,
            content_type=self.content_type,
            content_encoding=self.content_encoding,
            **self.more,
        )


class Published(amqp.Message):  # type: ignore[misc]
    def __init__(self, body: bytes, raw: bytes | None, **properties: Any) -> None:
        super().__init__(body, **{key: value for key, value in properties.items() if value is not None})
        self.raw = raw

    def _serialize_properties(self) -> bytes:
        return self.raw if self.raw is not None else super()._serialize_properties()


def valid(task: str, key: str, **options: Any) -> Draft:
    """What this service would send."""
    headers, _properties, body, _event = app.amqp.as_task_v2(key, task, (key,), {}, **options)
    return Draft(headers, json.dumps(body).encode())


def malformed(task: str, count: int, seed: int, canary: Path) -> Iterator[Draft]:
    """``count`` messages of all kinds in turn. None may run; pickle and YAML would make the canary."""
    random = Random(seed)
    kinds: list[Callable[[Draft, Random], None]] = [
        random_bytes,
        cut_json,
        another_body,
        deep_body,
        wrong_header,
        missing_header,
        another_content_type,
        another_encoding,
        compressed,
        protocol_1,
        hybrid,
        unknown_task,
        properties_out_of_range,
        lambda draft, _: pickled(draft, canary),
        lambda draft, _: as_yaml(draft, canary),
    ]
    for number in range(count):
        draft = valid(task, f"malformed-{number}")
        kinds[number % len(kinds)](draft, random)
        yield draft


def random_bytes(draft: Draft, random: Random) -> None:
    draft.body = random.randbytes(random.choice([0, 1, 10, 1000, 100_000]))


def cut_json(draft: Draft, random: Random) -> None:
    draft.body = draft.body[: random.randrange(len(draft.body))]


def another_body(draft: Draft, random: Random) -> None:
    draft.body = json.dumps(random.choice(BODIES)).encode()


def deep_body(draft: Draft, random: Random) -> None:
    depth = random.choice([2_000, 100_000])
    draft.body = b"[" * depth + b"]" * depth


def wrong_header(draft: Draft, random: Random) -> None:
    name = random.choice(list(RIGHT))
    draft.headers[name] = random.choice([value for value in VALUES if value not in RIGHT[name]])


def missing_header(draft: Draft, random: Random) -> None:
    for name in random.choice([["task"], ["id"], ["task", "id"], list(draft.headers)]):
        draft.headers.pop(name)


def another_content_type(draft: Draft, random: Random) -> None:
    draft.content_type = random.choice(CONTENT_TYPES)


def another_encoding(draft: Draft, random: Random) -> None:
    draft.content_encoding = random.choice(ENCODINGS)


def compressed(draft: Draft, random: Random) -> None:
    draft.headers["compression"] = random.choice(COMPRESSIONS)


def protocol_1(draft: Draft, random: Random) -> None:
    old = {"task": draft.headers["task"], "id": draft.headers["id"], "args": ["x"], "kwargs": {}}
    for name in random.sample(list(old), k=random.randrange(3)):
        old[name] = random.choice(VALUES)
    draft.headers, draft.body = {}, json.dumps(old).encode()


def hybrid(draft: Draft, random: Random) -> None:
    draft.body = json.dumps(draft.headers | {"args": random.choice(VALUES), "kwargs": {}}).encode()


def unknown_task(draft: Draft, random: Random) -> None:
    draft.headers["task"] = random.choice(["gallery.unheard_of", "x", "os.system"])


def properties_out_of_range(draft: Draft, random: Random) -> None:
    """Properties that RabbitMQ passes on and py-amqp cannot decode."""
    text = b"\xff\xfe\xfd"
    deep = b""
    for _ in range(5_000):
        deep = b"\x01aF" + pack(">I", len(deep)) + deep
    draft.raw = random.choice(
        [
            pack(">HB", 0x8000, len(text)) + text,
            pack(">HB", 0x0400, len(text)) + text,
            pack(">H", 0x2000) + pack(">I", 11) + b"\x01tT" + pack(">Q", 2**62),
            pack(">H", 0x2000) + pack(">I", len(deep)) + deep,
            pack(">H", 0x2000) + dumps("F", ({"task": draft.headers["task"]},)),
        ]
    )


def pickled(draft: Draft, canary: Path) -> None:
    draft.content_type, draft.content_encoding = "application/x-python-serialize", "binary"
    draft.body = pickle.dumps([[Canary(canary)], {}, {}])


def as_yaml(draft: Draft, canary: Path) -> None:
    draft.content_type = "application/x-yaml"
    draft.body = f"[[!!python/object/apply:os.mknod ['{canary}']], {{}}, {{}}]".encode()
