"""What the producer says of a message tells its own fault from a broker that is away."""

from typing import Any

import pytest
from amqp.exceptions import (
    AccessRefused,
    ChannelError,
    ContentTooLarge,
    FrameError,
    MessageNacked,
    NotFound,
    PreconditionFailed,
)
from kombu.exceptions import OperationalError

from switchyard.outage import NotPublished
from switchyard.outbox.checked import Checked
from switchyard.outbox.errors import MessageRefused
from tests.gallery.tasks import part

SIZE = "message size 17000000 is larger than configured max size 16777216"


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def publish(self, *_: Any, **__: Any) -> None:
        raise self.error


def publish(error: Exception) -> None:
    Checked(part.name, Failing(error)).publish(
        [[], {}, {}], headers={"id": "x", "task": part.name}, serializer="json"
    )


@pytest.mark.parametrize("error", [PreconditionFailed(SIZE), ContentTooLarge(SIZE), FrameError(SIZE)])
def test_what_the_broker_refuses_for_its_own_sake_is_refused_by_name(error: Exception) -> None:
    with pytest.raises(MessageRefused, match=f"{part.name} .* max size 16777216"):
        publish(error)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("gone"),
        NotFound("no exchange 'tasks'"),
        AccessRefused("no rights"),
        # What no queue wanted.
        ChannelError("NO_ROUTE", (50, 60), reply_code=312),
        # What a full queue answers.
        MessageNacked(),
        ConnectionResetError("gone"),
    ],
)
def test_what_it_may_take_another_time_is_an_operational_error(error: Exception) -> None:
    with pytest.raises(NotPublished) as caught:
        publish(error)
    assert isinstance(caught.value, OperationalError)
    assert caught.value.__cause__ is error


def test_a_fault_of_the_code_is_neither() -> None:
    with pytest.raises(ZeroDivisionError):
        publish(ZeroDivisionError())
