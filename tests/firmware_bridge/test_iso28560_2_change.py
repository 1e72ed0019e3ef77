"""One element of an ISO 28560-2 tag changed, among locked ones and free ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_iso28560_2 import ANNEX_D, CP, FREE, ISIL, PII, SET, SHELF, TEXT, TITLE, USAGE, contents

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.datasets import DataSet
from firmware_bridge.tags.elements import Element, SetInformation, read_content
from firmware_bridge.tags.iso15962 import Compaction
from firmware_bridge.tags.iso28560_2 import Part2, decode, encode
from firmware_bridge.tags.iso28560_2_change import ChangeError, change
from firmware_bridge.tags.reading import NoContent, identify


@given(contents(), st.sampled_from(FREE), st.none() | TEXT, st.data())
def test_changing_one_element_leaves_the_others_alone(
    values: dict[int, str | bytes], element: Element, value: str | None, data: st.DataObject
) -> None:
    lock = frozenset(data.draw(st.sets(st.sampled_from(sorted(set(values) - {element})))))
    made = encode(values, size=1024, lock=lock)
    try:
        after = change(made.memory, {element: value}, locked=made.locked)
    except ChangeError:
        return

    before, found = decode(made.memory, 4, made.locked), decode(after, 4, made.locked)
    assert isinstance(before, Part2)
    assert isinstance(found, Part2)
    others = [one.oid for one in before.elements if one.oid not in (element, CP)]
    assert [one.oid for one in found.elements if one.oid not in (element, CP)] == others
    for one in before.elements:
        if one.oid not in (element, CP):
            now = next(other for other in found.elements if other.oid == one.oid)
            assert now.compaction is one.compaction
    assert {one.oid: one.value for one in found.elements if one.oid not in (element, CP)} == {
        oid: said for oid, said in values.items() if oid != element
    }
    assert found.get(element) == value
    for block in made.locked:
        assert after[block * 4 : block * 4 + 4] == made.memory[block * 4 : block * 4 + 4]


def test_a_change_that_needs_no_other_move_touches_no_other_byte() -> None:
    made = encode({PII: "1234567890", SHELF: "QA268.L55", TITLE: "A title"}, size=64)
    after = change(made.memory, {TITLE: "B title"})

    assert [at for at in range(64) if after[at] != made.memory[at]] == [made.memory.index(b"A title")]


def test_a_change_between_locks_pads_the_changed_set_alone() -> None:
    after = change(ANNEX_D, {SET: "11"}, locked=frozenset({0, 1, 6, 7, 8}))

    assert after[15:36] == ANNEX_D[15:36]
    found = decode(after)
    assert isinstance(found, Part2)
    assert found.set == SetInformation(1, 1)


def test_the_content_parameter_comes_and_goes_with_what_it_announces() -> None:
    alone = encode({PII: "1234567890"}, size=32).memory
    more = change(alone, {SHELF: "QA268.L55"})
    found = decode(more)
    assert isinstance(found, Part2)
    assert [one.oid for one in found.elements] == [PII, CP, SHELF]

    assert change(more, {SHELF: None}) == alone


def test_a_changed_element_keeps_the_compaction_that_the_tag_used() -> None:
    tag = bytes.fromhex("11051cbe991a14" + "020120" + "050110").ljust(32, b"\0")

    assert change(tag, {USAGE: b"\x81"})[10:13] == bytes.fromhex("050181")


def test_a_value_that_no_tag_can_hold_is_refused_and_named() -> None:
    with pytest.raises(ChangeError, match="set_information: set information is"):
        change(ANNEX_D, {SET: "123"})


def test_a_locked_element_cannot_be_changed_and_says_so() -> None:
    with pytest.raises(ChangeError, match="owner_institution stands in a locked block"):
        change(ANNEX_D, {ISIL: "DE-1"}, locked=frozenset({0, 1, 6, 7, 8}))


def test_an_element_that_does_not_fit_between_locks_is_refused() -> None:
    with pytest.raises(ChangeError, match="where 16 are free"):
        change(ANNEX_D, {SHELF: "QA268.L55 and more"}, locked=frozenset({0, 1, 6, 7, 8}))


def test_a_new_element_goes_behind_the_last_and_is_announced() -> None:
    memory = ANNEX_D + bytes(28)
    after = change(memory, {SHELF: None}, locked=frozenset({0, 1, 6, 7, 8}))
    found = decode(after)
    assert isinstance(found, Part2)
    assert read_content(bytes(found.get(CP) or b"")) == (3, 4)  # type: ignore[arg-type]  # a content parameter is bytes
    assert after[24:36] == memory[24:36]

    with pytest.raises(ChangeError, match="the elements take"):
        change(memory, {TITLE: "x"}, locked=frozenset({0, 1, 2, 3, 6, 7, 8}) - {2, 3})


def test_what_another_system_wrote_behind_the_data_stays_where_it_is() -> None:
    theirs = b"SORTER 7"
    memory = bytes.fromhex("11051cbe991a14" + "020120" + "050110").ljust(24, b"\0") + theirs

    assert change(memory, {USAGE: b"\x81"})[24:] == theirs
    assert change(memory, {USAGE: None})[10:] == bytes(14) + theirs
    for longer in ("a title", "a title that runs into theirs"):
        with pytest.raises(ChangeError, match=r"other bytes stand behind|do not fit"):
            change(memory, {TITLE: longer + "!" * 8})


def test_data_that_would_end_just_before_other_bytes_are_not_read_as_one() -> None:
    memory = bytes.fromhex("11051cbe991a14").ljust(13, b"\0") + b"\x11\x01\x07\0"
    with pytest.raises(ChangeError, match="other bytes stand behind"):
        change(memory, {USAGE: b"\x10"})


@pytest.mark.parametrize(("oid", "name"), [(1, "primary_item_identifier"), (3, "owner_institution")])
def test_an_element_that_says_who_it_is_twice_and_differently_is_named(oid: int, name: str) -> None:
    two = [DataSet(1, Compaction.OCTET, b"30000001"), DataSet(3, Compaction.OCTET, b"DE-290")]
    extra = DataSet(oid, Compaction.OCTET, b"DE-291")
    memory = b"".join(one.encode() for one in (*two, extra)).ljust(112, b"\0")
    found = decode(memory)

    assert isinstance(found, Part2)
    assert found.problems == ((f"{name} comes twice and says different things", 18),)
    read = identify(TagMemory("E00401000000000A", memory, 4, 0x07, 0x06, 28))
    assert read == NoContent("damaged", f"ISO 28560-2: {name} comes twice and says different things")
    same = b"".join(one.encode() for one in (*two, *two)).ljust(112, b"\0")
    assert getattr(decode(same), "problems", None) == ()
