"""What was heard leaves nothing behind: every id is new, and a station hears them for years."""

import secrets
from collections.abc import Callable

import pytest
from left_behind import left_by_a_thousand

from wire.messages.asks import SAID
from wire.messages.stream import Resume


def resume() -> object:
    a, b, c, d = (secrets.token_hex(16) for _ in range(4))
    return Resume.decode(
        f'{{"schema":"resume/1","stream":"{a}","link":"{b}","central":"{c}","upto":1,"id":"{d}",'
        '"high":0,"high_id":""}'.encode()
    )


def answer() -> object:
    a, b, c, d = (secrets.token_hex(16) for _ in range(4))
    return SAID.validate_json(
        f'{{"schema":"answer/1","request":"{a}","link":"{b}","central":"{c}","item":"{d}",'
        '"outcome":"granted","at":"2026-05-04T09:00:00Z"}'
    )


@pytest.mark.parametrize("hear", [resume, answer])
def test_a_thousand_messages_leave_nothing_behind(hear: Callable[[], object]) -> None:
    assert left_by_a_thousand(hear) < 8_000
