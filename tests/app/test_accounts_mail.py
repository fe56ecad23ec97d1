"""Letters are sent once, whatever the mail server and the workers do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from celery._state import _task_stack
from django.contrib.auth.models import User
from django.db import connection, connections
from django.utils import timezone

from app.accounts.lease import ClaimHeld, lease
from app.accounts.models import Letter
from app.accounts.tasks import send_welcome_email
from app.celery import app
from app.reports.tasks import count_part, mail_link
from app.webhooks.tasks import deliver
from deploy.local.ports import free_ports
from switchyard.tasks.retries import backoff_of
from tests.app.conftest import Person
from tests.mailbox import ACCEPT_AND_DROP, DROP, Mailbox


def send(person: Person) -> None:
    """Run the task with its retries, one right after the other."""
    send_welcome_email.apply((person.user.pk,)).get()


def test_a_second_run_sends_nothing_more(ada: Person, mailbox: Mailbox) -> None:
    send(ada)
    send(ada)
    assert len(mailbox.mails) == 1
    assert mailbox.mails[0]["Subject"] == "Welcome to Switchyard"


@pytest.mark.parametrize("answer", ["451 try again later", "421 shutting down", DROP])
def test_a_mail_server_that_fails_and_recovers_gets_one_letter(
    ada: Person, mailbox: Mailbox, answer: str
) -> None:
    mailbox.answers = [answer, answer]
    send(ada)
    assert len(mailbox.mails) == 1


def test_a_mail_server_that_is_away_is_tried_again_and_the_letter_stays_unsent(
    ada: Person, mailbox: Mailbox, settings: Any
) -> None:
    settings.EMAIL_PORT = free_ports(1)[0]
    with pytest.raises(ConnectionRefusedError):
        send(ada)
    settings.EMAIL_PORT = mailbox.port
    send(ada)
    assert len(mailbox.mails) == 1


def test_a_letter_that_arrives_twice_can_be_known_by_its_message_id(ada: Person, mailbox: Mailbox) -> None:
    mailbox.answers = [ACCEPT_AND_DROP]
    send(ada)
    assert len(mailbox.mails) == 2
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 1


def test_two_people_get_letters_with_different_message_ids(
    ada: Person, bob: Person, mailbox: Mailbox
) -> None:
    send(ada)
    send(bob)
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 2


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_worker_whose_clock_is_wrong_by_an_hour_takes_no_claim_and_loses_none(
    ada: Person, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    letter = Letter.objects.create(user=ada.user, name="welcome")
    now = timezone.now
    with letter.claimed():
        monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(hours=hours))
        with pytest.raises(ClaimHeld), Letter.objects.get().claimed():
            pass
    again = Letter.objects.create(user=ada.user, name="another")
    with pytest.raises(ZeroDivisionError), again.claimed():
        raise ZeroDivisionError
    assert abs((now() - Letter.objects.get(name="welcome").done_at).total_seconds()) < 60
    assert Letter.objects.get(name="another").claimed_at is None


def test_a_letter_that_somebody_else_is_sending_is_left_to_them_until_they_must_be_dead(
    ada: Person, mailbox: Mailbox
) -> None:
    letter = Letter.objects.create(user=ada.user, name="welcome", claimed_at=timezone.now())
    with pytest.raises(ClaimHeld, match="claimed by another task"):
        send(ada)
    assert not mailbox.mails
    limit = timedelta(seconds=send_welcome_email.time_limit)
    Letter.objects.filter(pk=letter.pk).update(claimed_at=timezone.now() - limit)
    with pytest.raises(ClaimHeld):
        send(ada)
    Letter.objects.filter(pk=letter.pk).update(claimed_at=timezone.now() - 2 * limit)
    send(ada)
    assert len(mailbox.mails) == 1


@pytest.mark.django_db(transaction=True)
def test_workers_that_run_the_same_message_at_once_send_one_letter(mailbox: Mailbox) -> None:
    ada = User.objects.create_user("ada@example.com", "ada@example.com")

    def run(_: int) -> None:
        try:
            send_welcome_email.apply((ada.pk,))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))
    assert len(mailbox.mails) == 1


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_while_the_mail_server_is_waited_for(mailbox: Mailbox) -> None:
    ada = User.objects.create_user("ada@example.com", "ada@example.com")
    held: list[bool] = []
    ours = connections["default"]
    mailbox.on_mail = lambda: held.append(ours.connection is not None)
    send_welcome_email.apply((ada.pk,), throw=True)
    assert held == [False]


def test_a_user_who_has_been_deleted_gets_nothing(mailbox: Mailbox, db: None) -> None:
    send_welcome_email.apply((0,), throw=True)
    assert not mailbox.mails


@pytest.mark.parametrize("task", [send_welcome_email, count_part])
def test_a_claim_outlives_the_task_that_holds_it_in_whichever_queue(task: Any) -> None:
    assert task.time_limit < lease_in(task) < task.time_limit + 60


@pytest.mark.parametrize("task", [send_welcome_email, mail_link, deliver])
def test_who_waits_for_a_claim_is_retried_until_a_dead_holder_has_lost_it(task: Any) -> None:
    first, longest = backoff_of(task) or pytest.fail("its retries do not wait longer each time")
    waits = [min(first * 2**n, longest) for n in range(task.max_retries)]
    # Jitter takes half of a wait on average.
    assert sum(waits) / 2 > lease_in(task)


def lease_in(task: Any) -> float:
    _task_stack.push(task)
    try:
        return lease().total_seconds()
    finally:
        _task_stack.pop()


def test_a_claim_outside_a_task_outlives_every_task() -> None:
    assert lease().total_seconds() > max(task.time_limit or 0 for task in app.tasks.values())
