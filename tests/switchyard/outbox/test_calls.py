"""What a call of a task refuses, before anything is sent."""

import datetime
import decimal
import math
import reprlib
import uuid

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from app.celery import app
from switchyard.outbox.calls import refuse_arguments
from switchyard.outbox.errors import (
    DestinationRefused,
    ModelRefused,
    MomentRefused,
    NotJson,
    TooFarAhead,
)
from switchyard.outbox.moments import countdown_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.fixture
def task(sent_tasks):
    return app.tasks["gallery.io_wait"]


@pytest.mark.parametrize(
    "option", [{"queue": "nowhere"}, {"exchange": "x"}, {"routing_key": "io"}, {"serializer": "pickle"}]
)
def test_where_and_how_a_message_goes_is_not_for_the_caller_to_say(task, sent_tasks, option) -> None:
    with pytest.raises(DestinationRefused, match=next(iter(option))):
        task.apply_async(("a",), **option)
    with pytest.raises(DestinationRefused, match=next(iter(option))):
        task.apply_async_on_commit(("a",), **option)
    with pytest.raises(DestinationRefused, match=next(iter(option))):
        task.s("a").set(**option).delay()
    assert not sent_tasks


@pytest.mark.parametrize(
    ("args", "where"),
    [
        ((User(pk=1),), r"args\[0\]"),
        (([{"users": [User(pk=1)]}],), r"args\[0\]\[0\]\['users'\]\[0\]"),
        ((User.objects.all(),), r"args\[0\]"),
    ],
)
def test_a_model_is_refused_wherever_it_hides_and_its_key_is_asked_for(task, sent_tasks, args, where) -> None:
    with pytest.raises(ModelRefused, match=where + r"\.pk"):
        task.delay(*args)
    with pytest.raises(ModelRefused):
        task.delay_on_commit(*args)
    assert not sent_tasks


def test_an_argument_that_json_cannot_hold_is_refused_at_the_call(task, sent_tasks) -> None:
    with pytest.raises(NotJson, match=r"gallery\.io_wait"):
        task.delay_on_commit(object())
    assert not sent_tasks


@given(JSON)
def test_whatever_json_can_hold_is_accepted(value) -> None:
    refuse_arguments("any.task", (value,), {"key": value})


def test_dates_keys_and_money_are_accepted() -> None:
    today = datetime.datetime.now(datetime.UTC)
    refuse_arguments("any.task", (today, today.date(), uuid.uuid4(), decimal.Decimal("1.10")), {})


@pytest.mark.django_db(transaction=True)
def test_delay_on_commit_sends_after_the_commit_and_nothing_after_a_rollback(task, sent_tasks) -> None:
    with transaction.atomic():
        task.delay_on_commit("kept", seconds=1)
        assert not sent_tasks
    with transaction.atomic():
        task.delay_on_commit("rolled back")
        transaction.set_rollback(True)
    assert [(sent.args, sent.kwargs, sent.queue) for sent in sent_tasks] == [(["kept"], {"seconds": 1}, "io")]


@given(st.floats(min_value=-5, max_value=1e6))
def test_a_countdown_is_whole_seconds_never_shorter_and_never_a_fraction_of_one(seconds: float) -> None:
    whole = countdown_of("a.task", {"countdown": seconds})
    assert isinstance(whole, int)
    assert max(0, seconds) <= whole <= max(0, seconds) + 1


def test_the_fixture_says_queue_and_countdown_of_what_would_be_sent(task, sent_tasks) -> None:
    task.apply_async(("late",), countdown=0.3)
    assert [(sent.task, sent.queue, sent.countdown) for sent in sent_tasks] == [("gallery.io_wait", "io", 1)]


@pytest.mark.parametrize(("seconds_ahead", "countdown"), [(-60, None), (0.4, 1), (59.5, 60), (3600, 3600)])
@pytest.mark.parametrize(
    "written", [lambda eta: eta, datetime.datetime.isoformat, lambda eta: eta.replace(tzinfo=None)]
)
def test_an_eta_is_kept_to_the_second_and_never_early(
    task, sent_tasks, seconds_ahead, countdown, written
) -> None:
    """kombu cuts a delay to whole seconds and refuses what is left of 0.4."""
    eta = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds_ahead)
    task.apply_async(("later",), eta=written(eta))
    assert [sent.countdown for sent in sent_tasks] == [countdown]


LAST = datetime.datetime.max.replace(tzinfo=datetime.UTC)
NO_SECONDS = ["5", math.inf, math.nan, 10**400, datetime.timedelta(seconds=5)]
NO_MOMENTS = ["tomorrow", "", 5, math.nan, datetime.date(2030, 1, 1), datetime.time(12)]


@pytest.mark.parametrize(
    ("option", "value"),
    [("countdown", value) for value in NO_SECONDS]
    + [("eta", value) for value in NO_MOMENTS]
    + [("expires", value) for value in ["x", 1e18, math.nan, datetime.date(2030, 1, 1)]],
)
def test_what_is_no_moment_is_refused_with_what_was_given(task, sent_tasks, option, value) -> None:
    with pytest.raises(MomentRefused) as refused:
        task.apply_async(("later",), **{option: value})
    assert reprlib.repr(value) in str(refused.value)
    assert f"but {option} must be a " in str(refused.value)
    assert {"countdown": "seconds", "eta": "ISO 8601", "expires": "seconds"}[option] in str(refused.value)
    assert not sent_tasks


@pytest.mark.parametrize("options", [{"countdown": 2**28}, {"countdown": 1e18}, {"eta": LAST}], ids=str)
def test_what_no_delay_reaches_is_refused_before_a_direct_publish_too(task, sent_tasks, options) -> None:
    with pytest.raises(TooFarAhead, match="3,106 days"):
        task.apply_async(("later",), **options)
    assert not sent_tasks


@pytest.mark.parametrize("expires", [-1, 0.5, True, LAST, "2030-01-01T00:00:00+02:00"])
def test_what_is_a_moment_is_taken(task, sent_tasks, expires) -> None:
    task.apply_async(("later",), expires=expires, countdown=True)
    assert [sent.countdown for sent in sent_tasks] == [1]


@pytest.mark.django_db
def test_the_fixture_runs_what_was_sent_and_what_that_sends_in_turn(sent_tasks) -> None:
    app.tasks["gallery.io_retry"].delay("again", [1])
    sent_tasks.run_all()
    from tests.gallery.models import Run

    assert list(Run.objects.values_list("attempt", flat=True)) == [0, 1]
