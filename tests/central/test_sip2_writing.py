"""Writing at one look writes what looking at each value would: the short way is never another way."""

from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from test_sip2_codec import VALUES

from central.sip2 import writing
from central.sip2.codec import MESSAGES, PLAIN, Dialect, encode, layout
from central.sip2.messages import LoginResponse, Message, PatronInformation
from central.sip2.messages_items import Checkout

ANY_TEXT = st.text(max_size=12) | st.sampled_from(
    ["", "|", "a|b", "ü", "x" * 254, "x" * 255, "x" * 256, "a\rb"]
)
DIALECTS = st.builds(
    Dialect,
    encoding=st.sampled_from(["utf-8", "iso-8859-1", "cp850"]),
    checksum=st.booleans(),
    longest_id=st.sampled_from([8, 255, 65_536]),
    as_it_came=st.booleans(),
    hidden=st.sampled_from([frozenset(), frozenset({"AO", "BX"})]),
    forced=st.sampled_from([frozenset(), frozenset({"AF", "BH", "CK"})]),
)


@st.composite
def wild(draw: st.DrawFn) -> Message:
    """A message of any kind with texts of any kind."""
    kind = MESSAGES[draw(st.sampled_from(sorted(MESSAGES)))]
    said: dict[str, Any] = {name: draw(VALUES[spec.kind.name]) for name, spec in layout(kind).fixed}
    for name, named in layout(kind).named.values():
        if named.repeated:
            said[name] = tuple(draw(st.lists(ANY_TEXT, max_size=2)))
        else:
            said[name] = draw(ANY_TEXT) if named.kind is None else draw(st.none() | VALUES[named.kind.name])
    said["extra"] = tuple(("ZZ", text) for text in draw(st.lists(ANY_TEXT, max_size=1)))
    return kind.of(said)


@given(wild(), DIALECTS)
def test_a_message_is_written_alike_in_both_ways(message: Message, dialect: Dialect) -> None:
    plan = writing._plan(type(message), dialect)
    short = writing._plainly(message, plan, dialect)
    try:
        long = writing._carefully(message, plan, dialect)
    except ValueError:
        long = None

    assert short is None or short == long


def test_most_messages_take_the_short_way() -> None:
    asked = PatronInformation(patron="29000001234567", institution="harbour")

    assert writing._plainly(asked, writing._plan(PatronInformation, PLAIN), PLAIN) is not None


@given(wild())
def test_a_message_made_of_its_values_is_the_one_made_field_by_field(message: Message) -> None:
    other = type(message)(**{one.name: getattr(message, one.name) for one in fields(message)})

    assert other == message
    assert hash(other) == hash(message)
    assert repr(other) == repr(message)


def test_what_was_not_said_is_what_the_class_declares() -> None:
    assert LoginResponse.of({}) == LoginResponse()
    assert encode(Checkout.of({"patron": "29"})) == encode(Checkout(patron="29"))


def test_a_dialect_that_hides_more_writes_less_also_after_the_first_message() -> None:
    asked = Checkout(patron="29", institution="harbour")
    before = encode(asked, PLAIN)
    after = encode(asked, replace(PLAIN, hidden=frozenset({"AO"})))

    assert b"AOharbour" in before
    assert b"AO" not in after
