"""A simulated tag keeps the rules of ICODE tags, and a stack of tags is harder to read than one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.devices.field import Field
from sim.devices.tags import EAS_AFI_PASSWORD, EAS_SEQUENCE, SimTag, TagAway, TagRefused

UID = "E004015000000001"


def opened(tag: SimTag, password: bytes) -> None:
    covered = bytes(a ^ b for a, b in zip(password, tag.get_random() * 2, strict=True))
    tag.set_password(EAS_AFI_PASSWORD, covered)


def test_a_tag_with_eas_sounds_and_one_without_is_silent() -> None:
    tag = SimTag(UID)
    with pytest.raises(TagAway):
        tag.eas_alarm()

    tag.set_eas(True)

    assert tag.eas_alarm() == EAS_SEQUENCE
    assert tag.eas_log == [True]


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4))
def test_a_protected_bit_moves_with_the_right_password_alone_and_a_wrong_one_mutes(
    right: bytes, given_: bytes
) -> None:
    tag = SimTag(UID, password=right, protected={"afi", "eas"})
    for change in (lambda: tag.write_afi(0xC2), lambda: tag.set_eas(True)):
        with pytest.raises(TagRefused):
            change()

    if given_ == right:
        opened(tag, given_)
        tag.write_afi(0xC2)
    else:
        with pytest.raises(TagAway):
            opened(tag, given_)

    assert (tag.afi == 0xC2) == (given_ == right)
    assert tag.muted == (given_ != right)


def test_a_muted_tag_comes_back_when_the_field_was_off_and_must_be_opened_again() -> None:
    field, tag = Field(), SimTag(UID, protected={"afi"})
    field.place(tag)
    with pytest.raises(TagAway):
        opened(tag, b"\1\2\3\4")
    assert field.found() == []

    field.reset_field()

    assert field.found() == [tag]
    with pytest.raises(TagRefused):
        tag.write_afi(0xC2)


def test_a_password_is_changed_and_a_bit_put_under_it_only_by_one_who_knows_the_old_one() -> None:
    tag = SimTag(UID)
    for change in (lambda: tag.write_password(EAS_AFI_PASSWORD, b"abcd"), lambda: tag.protect("eas")):
        with pytest.raises(TagRefused):
            change()
    opened(tag, bytes(4))
    tag.write_password(EAS_AFI_PASSWORD, b"abcd")
    tag.protect("eas")
    tag.power_off()

    with pytest.raises(TagRefused):
        tag.set_eas(True)
    opened(tag, b"abcd")
    tag.set_eas(True)

    assert tag.eas
    with pytest.raises(TagRefused):
        tag.set_password(EAS_AFI_PASSWORD, bytes(4))  # without a fresh random number


def test_what_is_locked_stays() -> None:
    tag = SimTag(UID, afi=0x07, dsfid=0x3E)
    tag.lock(3, 2)
    tag.lock_afi()
    tag.lock_dsfid()
    tag.lock_eas()

    for change, code in (
        (lambda: tag.write(4, bytes(4)), 0x12),
        (lambda: tag.lock(4, 1), 0x11),
        (lambda: tag.write_afi(0xC2), 0x12),
        (tag.lock_afi, 0x11),
        (lambda: tag.write_dsfid(6), 0x12),
        (tag.lock_dsfid, 0x11),
        (lambda: tag.set_eas(True), 0x12),
        (tag.lock_eas, 0x11),
        (lambda: tag.lock(27, 2), 0x10),
    ):
        with pytest.raises(TagRefused) as refused:
            change()
        assert refused.value.code == code
    assert (tag.afi, tag.dsfid, tag.locked, tag.eas) == (0x07, 0x3E, {3, 4}, False)


def read_rate(field: Field) -> float:
    rounds = 200
    return sum(len(field.found()) for _ in range(rounds)) / rounds / len(field.tags)


def test_a_stack_detunes_its_tags_and_spread_out_they_are_read_again() -> None:
    field = Field(seed=1)
    field.detune = 0.08
    for number in range(8):
        field.place(SimTag(f"E00401500000000{number}"), spot=0)
    stacked = read_rate(field)
    for number, tag in enumerate(list(field.tags.values())):
        field.place(tag, spot=number)

    assert stacked < 0.75
    assert read_rate(field) == 1.0


def test_a_strong_signal_bears_neighbours() -> None:
    field = Field()
    field.detune = 0.08
    for number in range(4):
        field.place(SimTag(f"E00401500000000{number}", signal=1.5))

    assert read_rate(field) == 1.0


def test_one_lost_antenna_takes_its_own_tags_alone() -> None:
    field = Field()
    tags = [SimTag(f"E00401500000000{number}") for number in range(4)]
    for number, tag in enumerate(tags):
        field.place(tag, antenna=1 + number % 2)

    field.antennas_lost = {2}

    assert field.found() == [tags[0], tags[2]]
    field.switch_off()
    assert field.found() == []
