import json

import pytest
from make_golden import FOLDER, SAMPLES, wanted

from wire.messages.base import Message
from wire.messages.facts import BODIES
from wire.messages.stream import UPWARD, Entry, Envelope

FILES = sorted(FOLDER.glob("*.json"))


def body_of(name: str) -> dict[str, object]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_every_message_of_the_table_and_every_body_has_a_golden_payload() -> None:
    missing = {kind.__name__ for kind in wanted()} - {type(message).__name__ for message in SAMPLES.values()}

    assert set() == missing
    assert sorted(SAMPLES) == sorted(path.stem for path in FILES), "run tests/wire/make_golden.py"


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_golden_payload_is_decoded_and_encoded_to_itself(name: str) -> None:
    kind: type[Message] = type(SAMPLES[name])
    decoded = kind.decode(json.dumps(body_of(name)).encode())

    assert SAMPLES[name] == decoded
    assert body_of(name) == json.loads(decoded.encode())


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_field_that_a_newer_peer_added_is_ignored(name: str) -> None:
    kind: type[Message] = type(SAMPLES[name])
    newer = json.dumps({**body_of(name), "added_later": {"x": 1}}).encode()

    assert SAMPLES[name] == kind.decode(newer)


@pytest.mark.parametrize("name", [name for name in sorted(SAMPLES) if name.startswith("body.")])
def test_a_body_is_told_apart_by_its_schema(name: str) -> None:
    assert SAMPLES[name] == BODIES.validate_python(body_of(name))


@pytest.mark.parametrize("name", [name for name in sorted(SAMPLES) if name.startswith("fact.")])
def test_a_message_upward_is_told_apart_by_its_kind(name: str) -> None:
    assert SAMPLES[name] == UPWARD.validate_json(json.dumps(body_of(name)))


def test_the_envelope_stays_readable_when_the_body_is_not() -> None:
    broken = {**body_of("fact.entry"), "body": ["from", "another", "age"]}

    with pytest.raises(ValueError, match="body"):
        Entry.decode(json.dumps(broken).encode())
    envelope = Envelope.decode(json.dumps(broken).encode())

    assert envelope.seq == 7
    assert body_of("fact.entry")["prev_id"] == envelope.prev_id
