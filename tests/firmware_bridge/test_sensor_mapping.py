"""What foreign sensors say becomes one series per measure; what cannot be a value says why."""

import json
import struct
import tomllib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.sensors.mapping import (
    InRegisters,
    InTopic,
    Raw,
    Reading,
    Rule,
    Unread,
    decoded,
    naming,
    read,
    suggest,
    unmapped,
)
from firmware_bridge.sensors.paths import follow, leaves, parse_path, path_text
from firmware_bridge.sensors.registers import FORMATS, Block, Span, spans, width
from firmware_bridge.sensors.units import UNITS, Conversion

AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)

ZIGBEE = {"battery": 97, "contact": False, "linkquality": 120, "temperature": 21.4, "device": {"id": "x"}}
TASMOTA = {"Time": "2026-03-02T08:30:00", "ENERGY": {"Power": 41, "Total": 3.2}, "TempUnit": "C"}
SHELLY = {"id": 0, "apower": 8.9, "voltage": 237.5, "temperature": {"tC": 40.7, "tF": 105.2}}


def said(topic: str, payload: object, *, retained: bool = False) -> Raw:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return Raw(AT, "mqtt", topic, text.encode(), retained)


def rule(path: str = "", measure: str = "temperature", unit: str | None = None, **more: object) -> Rule:
    name, convert = naming(measure, unit, None)  # type: ignore[arg-type]  # a literal, as the table writes it
    return replace(Rule("hall", name, InTopic("t", parse_path(path)), convert), **more)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("payload", "one", "expected"),
    [
        (ZIGBEE, rule("temperature"), 21.4),
        (ZIGBEE, rule("contact", "door", words=(("true", 0.0), ("false", 1.0))), 1.0),
        (TASMOTA, rule("ENERGY.Power", "power"), 41.0),
        (TASMOTA, rule("ENERGY.Total", "energy", "kWh"), 3.2),
        (SHELLY, rule("temperature.tC"), 40.7),
        (SHELLY, rule("temperature.tF", unit="F"), pytest.approx(40.6667, abs=1e-3)),
        ("21.5", rule(), 21.5),
        (" 294.65\n", rule(unit="K"), pytest.approx(21.5)),
        ("ON", rule("", "motion"), 1.0),
        ("closed", rule("", "door"), 0.0),
        ("true", rule("", "water"), 1.0),
        ("0.5", rule("", "humidity", "share"), 50.0),
        ([{"p": 1}, {"p": 2}], rule("[1].p", "power"), 2.0),
        ({"a.b": {"x y": 3}}, rule('["a.b"]["x y"]', "power"), 3.0),
    ],
)
def test_each_makers_way_of_speaking_gives_the_value_in_the_unit_of_its_name(
    payload: object, one: Rule, expected: float
) -> None:
    found = read(one, said("t", payload))

    assert found == Reading(one, AT, expected)


@pytest.mark.parametrize(
    ("payload", "one", "why"),
    [
        ({"humidity": 3}, rule("temperature"), "nothing at temperature"),
        ({"temperature": {"c": 3}}, rule("temperature"), "the path must go on"),
        ("unavailable", rule(), "no number and no word"),
        ("null", rule(), "null"),
        ("nan", rule(), "finite"),
        ("1e999", rule(), "finite"),
        ("9" * 400, rule(), "no number"),
        ("-127", rule(low=-40.0, high=60.0), "outside -40 to 60"),
        ("x" * 20_000, rule(), "longer"),
        ("[" * 9_000, rule(), "no number"),
    ],
)
def test_what_cannot_be_a_value_says_why(payload: object, one: Rule, why: str) -> None:
    found = read(one, said("t", payload))

    assert isinstance(found, Unread)
    assert why in found.why


def test_another_topic_is_nobodys_mistake() -> None:
    assert read(rule(), said("u", "21")) is None


def test_a_value_that_the_broker_kept_counts_only_where_it_holds() -> None:
    kept = said("t", "1", retained=True)

    assert isinstance(read(rule(), kept), Unread)
    assert isinstance(read(rule("", "door", holds=True), kept), Reading)


ORDERED = {"ABCD": "0A 0B 0C 0D", "CDAB": "0C 0D 0A 0B", "BADC": "0B 0A 0D 0C", "DCBA": "0D 0C 0B 0A"}


@pytest.mark.parametrize("order", ORDERED)
def test_the_letters_of_an_order_are_the_bytes_as_they_come(order: str) -> None:
    where = InRegisters("meter", "holding", 4, "uint32", order)  # type: ignore[arg-type]  # one of the four
    raw = Raw(AT, "meter", "holding/3", bytes.fromhex("FFFF" + ORDERED[order]))

    assert read(Rule("hall", "n", where), raw) == Reading(Rule("hall", "n", where), AT, float(0x0A0B0C0D))


@given(st.sampled_from(sorted(FORMATS)), st.sampled_from(sorted(ORDERED)), st.data())
def test_any_number_in_any_order_is_read_as_it_was_written(
    kind: str, order: str, data: st.DataObject
) -> None:
    size = struct.calcsize(FORMATS[kind])
    value = struct.unpack(FORMATS[kind], data.draw(st.binary(min_size=size, max_size=size)))[0]
    number = float(value != 0) if kind == "bool" else float(value)
    words = [struct.pack(FORMATS[kind], value)[n : n + 2] for n in range(0, size, 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    one = Rule("hall", "n", InRegisters("meter", "input", 7, kind, order))  # type: ignore[arg-type]  # drawn from them

    found = read(one, Raw(AT, "meter", "input/7", b"".join(words)))

    finite = number == number and abs(number) != float("inf")
    assert found == (Reading(one, AT, number) if finite else Unread(one, "not a finite number"))


def test_a_coil_is_one_byte_and_a_block_that_ends_too_early_says_so() -> None:
    coil = Rule("door", "door_open", InRegisters("plc", "coil", 2, "bool"))
    wide = Rule("hall", "n", InRegisters("plc", "input", 1, "float32"))

    assert read(coil, Raw(AT, "plc", "coil/0", b"\0\0\1")) == Reading(coil, AT, 1.0)
    assert read(coil, Raw(AT, "plc", "coil/0", b"\0\0")) is None
    assert isinstance(read(wide, Raw(AT, "plc", "input/0", bytes(4))), Unread)


@given(
    st.lists(
        st.tuples(st.sampled_from(["coil", "input"]), st.integers(0, 300), st.integers(1, 4)), max_size=20
    )
)
def test_every_wanted_register_lies_whole_in_one_span_and_no_gap_is_read(
    wanted: list[tuple[str, int, int]],
) -> None:
    found = spans(wanted)  # type: ignore[arg-type]  # tables drawn from the literal
    asked = {(table, n) for table, address, count in wanted for n in range(address, address + count)}

    assert {(s.table, n) for s in found for n in range(s.address, s.address + s.count)} == asked
    for table, address, count in wanted:
        assert any(
            s.table == table and s.address <= address and address + count <= s.address + s.count
            for s in found
        )
    assert all(s.count <= s.most for s in found)


def test_a_span_that_was_given_is_read_as_it_is() -> None:
    given_ = Span("input", 0, 10)

    assert spans([("input", 2, 2), ("input", 10, 1)], [given_]) == (given_, Span("input", 10, 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.text(max_size=8) | st.integers(0, 99_999), max_size=5))
def test_every_path_is_read_as_it_is_written(steps: list[str | int]) -> None:
    assert parse_path(path_text(tuple(steps))) == tuple(steps)


@given(JSON)
def test_every_leaf_is_found_again_at_its_path(value: object) -> None:
    for path, leaf in leaves(value):
        assert follow(value, parse_path(path)) == leaf


@pytest.mark.parametrize("path", ["a..b", ".a", "a[", "a[x]", 'a["b', 'a["b"', "a b", "a]"])
def test_a_path_that_is_none_is_refused_with_its_place(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("topic", "payload"), [("z/door", ZIGBEE), ("tele/p/SENSOR", TASMOTA), ("s/status", SHELLY)]
)
def test_a_suggested_mapping_reads_the_value_that_it_was_made_from(topic: str, payload: object) -> None:
    raw = said(topic, payload)
    open_ = unmapped((), raw)

    assert open_
    for path, value in open_:
        table = tomllib.loads(suggest(topic, path, value))["map"][0]
        name, convert = naming(table["measure"], table.get("unit"), table.get("name"))
        words = tuple((word, float(number)) for word, number in table.get("words", {}).items())
        one = Rule(
            table["part"], name, InTopic(table["topic"], parse_path(table.get("path", ""))), convert, words
        )
        assert isinstance(read(one, raw), Reading)
        assert path not in {left for left, _ in unmapped((one,), raw)}


@pytest.mark.parametrize(
    ("path", "measure"), [("contact", "door"), ("temperature.tF", "temperature"), ("ENERGY.Power", "power")]
)
def test_the_words_of_common_makers_are_known(path: str, measure: str) -> None:
    assert f'measure = "{measure}"' in suggest("a/b", path, True)


@given(JSON, st.text(max_size=12))
def test_any_payload_has_a_mapping_that_toml_reads(value: object, topic: str) -> None:
    for path, leaf in unmapped((), said(topic, value)):
        tomllib.loads(suggest(topic, path, leaf))


def test_a_rule_that_would_read_otherwise_has_another_mark() -> None:
    one = rule("temperature")
    others = [rule("temperature", unit="F"), rule("t"), replace(one, high=60.0), replace(one, part="cellar")]

    assert len({one.mark, *(other.mark for other in others)}) == 5
    assert replace(one, place="Cellar", silent_after_s=9).mark == one.mark


def test_every_measure_ends_in_the_unit_that_needs_no_conversion() -> None:
    for _, units in UNITS.values():
        assert next(iter(units.values())) == Conversion()


def test_a_unit_of_another_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="no unit of power"):
        naming("power", "C", None)
    with pytest.raises(ValueError, match="needs a name"):
        naming("other", None, None)


@given(st.binary(max_size=200), st.text(max_size=12))
def test_any_bytes_are_read_without_an_exception(payload: bytes, topic: str) -> None:
    decoded(payload)
    unmapped((), Raw(AT, "mqtt", topic, payload))
    Block.parse(topic, payload)
    for one in (rule(), rule("a.b[0]"), Rule("a", "n", InRegisters("mqtt", "input", 0, "float64"))):
        assert isinstance(read(one, Raw(AT, "mqtt", "t", payload)), Reading | Unread | None)


def test_widths_are_in_registers() -> None:
    assert (width("bool"), width("int32"), width("float64")) == (1, 2, 4)
