"""What central hears leaves nothing behind: ids are new each time, and cards are nobody's business afterwards."""

import secrets
from collections.abc import Callable

import pytest
from left_behind import left_by_a_thousand

from central.results import read_upward
from wire.messages.asks import ASKS
from wire.messages.facts import BODIES
from wire.messages.states import STATES_UP, Sample

AT = '"at":"2026-05-04T09:00:00Z"'


def word() -> str:
    return secrets.token_hex(16)


def ask() -> object:
    return ASKS.validate_json(f'{{"schema":"ask-account/1","ask":"{word()}","card":"{word()}"}}')


def status() -> object:
    said = f'"boot":"{word()}","kind":"gate","version":"{word()}","state":"online"'
    return STATES_UP.validate_json(f'{{"schema":"status/1",{AT},{said}}}')


def work() -> object:
    said = f'"boot":"{word()}","service":"closed","reason":"{word()}","outbox_open":1,"outbox_fill":0.1'
    return STATES_UP.validate_json(f'{{"schema":"work/1",{AT},{said}}}')


def sample() -> object:
    said = f'"boot":"{word()}","clock":"synced","mono":1,"n":1,"values":{{"load":1.0}}'
    return Sample.decode(f'{{"schema":"sample/1",{AT},{said}}}'.encode())


def entry() -> object:
    body = f'{{"schema":"checkout/1",{AT},"boot":"{word()}","mono":1,"visit":"{word()}","card":"{word()}"'
    envelope = f'"stream":"{word()}","link":"{word()}","to":"{word()}","seq":1,"id":"{word()}","prev_id":""'
    upward = read_upward(f'{{"kind":"entry",{envelope},"body":{body},"item":"{word()}"}}}}'.encode())
    assert upward is not None
    return BODIES.validate_python(upward.body)  # type: ignore[union-attr]  # it is an entry


@pytest.mark.parametrize("hear", [ask, status, work, sample, entry])
def test_a_thousand_messages_leave_nothing_behind(hear: Callable[[], object]) -> None:
    assert left_by_a_thousand(hear) < 8_000
