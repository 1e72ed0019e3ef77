"""Secured and lent: what is written for each, and what a tag that was read back says. Never a guess."""

from dataclasses import replace
from typing import assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import AfiResult, EasResult, TagMemory
from firmware_bridge.securing import look, secure
from firmware_bridge.tags.iso28560_4 import Pc, Uii, encode_epc
from firmware_bridge.tags.reading import decode_uhf, identify_uhf
from firmware_bridge.tags.security import (
    Contradictory,
    Evidence,
    Judged,
    Lent,
    Mark,
    Secured,
    SecurityBits,
    SecurityRules,
    State,
    Unread,
    judge,
    judge_uhf,
    security_of,
    write_uhf,
    writing,
)
from wire.errors import DeviceError

AFIS = st.integers(0, 255)
STATES = st.sampled_from(["secured", "lent"])
SILENT = EasResult(None, "no tag answered")
BOTH = SecurityRules(marks=frozenset({"afi", "eas"}))
GERMAN = bytes.fromhex("19e9f871") + (4711).to_bytes(8, "big") + bytes(4)
UID = "E00401000000000A"


def of(state: State) -> Judged:
    return Secured() if state == "secured" else Lent()


@st.composite
def rules(draw: st.DrawFn) -> SecurityRules:
    secured, lent, *others = draw(st.lists(AFIS, min_size=2, max_size=6, unique=True))
    at = draw(st.integers(0, len(others)))
    bits = SecurityBits(secured, lent, frozenset(others[:at]), frozenset(others[at:]))
    marks: list[Mark] = draw(st.lists(st.sampled_from(["afi", "eas"]), min_size=1, unique=True))
    return SecurityRules(bits, frozenset(marks))


def after(evidence: Evidence, state: State, by: SecurityRules, only: Mark | None = None) -> Evidence:
    """Return what is read back when everything that `writing` says was written, or one mark alone."""
    wanted = writing(state, by)
    if wanted.afi is not None and only in (None, "afi"):
        evidence = replace(evidence, afi=wanted.afi)
    if wanted.eas is not None and only in (None, "eas"):
        evidence = replace(evidence, eas=EasResult(wanted.eas))
    return evidence


@given(STATES, rules())
def test_what_is_written_for_a_state_reads_as_that_state(state: State, by: SecurityRules) -> None:
    assert judge(after(Evidence(), state, by), by) == of(state)


@given(rules(), AFIS | st.none(), st.sampled_from([EasResult(True), EasResult(False), SILENT]))
def test_a_state_is_only_said_when_every_mark_in_use_says_it(
    by: SecurityRules, afi: int | None, eas: EasResult
) -> None:
    said = judge(Evidence(afi, eas=eas), by)
    afi_says, eas_says = by.bits.of(afi), {True: "secured", False: "unsecured", None: "unknown"}[eas.on]
    heard = {"afi": afi_says, "eas": eas_says}
    states = {heard[mark] for mark in by.marks}

    match said:
        case Secured():
            assert states == {"secured"}
        case Lent():
            assert states == {"unsecured"}
        case Contradictory(which):
            assert states == {"secured", "unsecured"}
            assert len(which) == 2
        case Unread(reason):
            assert "unknown" in states
            assert reason
        case _:
            assert_never(said)


@given(STATES, st.sampled_from(["afi", "eas"]))
def test_a_write_that_is_cut_between_two_marks_is_seen(state: State, first: Mark) -> None:
    other: State = "lent" if state == "secured" else "secured"
    before = after(Evidence(), other, BOTH)

    assert isinstance(judge(after(before, state, BOTH, first), BOTH), Contradictory)


@given(AFIS, rules())
def test_a_silent_tag_is_never_one_whose_eas_is_off(afi: int, by: SecurityRules) -> None:
    heard, silent = (judge(Evidence(afi, eas=eas), by) for eas in (EasResult(False), SILENT))

    if "eas" in by.marks:
        assert isinstance(silent, Unread)
        if by.marks == {"eas"}:
            assert silent == Unread("no tag answered")
            assert heard == Lent()
    else:
        assert heard == silent


def test_an_afi_that_was_not_read_says_why() -> None:
    assert judge(Evidence(None, "the tag went"), SecurityRules()) == Unread("the tag went")
    assert judge(Evidence(0x00), SecurityRules()) == Unread("AFI 00 is neither secured nor lent here")


@pytest.mark.parametrize(
    "wrong",
    [
        {"bits": SecurityBits(0x07, 0x07)},
        {"bits": SecurityBits(also_secured=frozenset({0xC2}))},
        {"marks": frozenset()},
    ],
)
def test_rules_by_which_two_states_are_one_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"both secured and lent|by the AFI"):
        SecurityRules(**wrong)  # type: ignore[arg-type]  # one argument each


# --- UHF ------------------------------------------------------------------------------------------


@given(STATES, rules(), st.text("0123456789", min_size=1, max_size=20), AFIS)
def test_a_uhf_tag_is_written_without_another_bit_of_it_changing(
    state: State, by: SecurityRules, item: str, afi: int
) -> None:
    bank = encode_epc(Uii(item, "DE-290"), afi, user_data=True)
    written = write_uhf(bank, state, by.bits)
    pc = int.from_bytes(written[:2], "big")

    assert judge_uhf(written[2:], pc, by.bits) == of(state)
    assert written[2:] == bank[2:]
    assert replace(Pc.of(pc), low=0) == replace(Pc.of(int.from_bytes(bank[:2], "big")), low=0)
    assert security_of(of(state)) == getattr(
        decode_uhf(written[2:], pc, frozenset(), by.bits), "security", None
    )


@given(STATES, st.binary(min_size=16, max_size=16), st.booleans())
def test_a_tag_of_the_german_practice_keeps_its_number(state: State, rest: bytes, toggle: bool) -> None:
    bank = Pc(8, False, False, toggle, 0x00).value.to_bytes(2, "big") + GERMAN[:4] + rest[4:]
    written = write_uhf(bank, state, SecurityBits())
    pc = int.from_bytes(written[:2], "big")

    assert judge_uhf(written[2:], pc, SecurityBits()) == of(state)
    assert written[:17] == bank[:17]
    assert written[17] & 0xFE == bank[17] & 0xFE


def test_an_armed_bit_and_an_afi_that_disagree_are_contradictory() -> None:
    armed = GERMAN[:15] + b"\x01"
    said = judge_uhf(armed, Pc(8, False, False, True, 0xC2).value, SecurityBits())

    assert said == Contradictory(("bit 0 of byte 15 1: secured", "AFI C2: lent"))
    assert getattr(decode_uhf(armed, 0x41C2, frozenset(), SecurityBits()), "security", "") == "unknown"


def test_a_uhf_tag_without_its_pc_word_is_unread() -> None:
    bank = encode_epc(Uii("1", "DE-290"), 0x07)

    assert judge_uhf(bank[2:], None, SecurityBits()) == Unread("the PC word was not reported")
    assert judge_uhf(bank[2:], 0x1007, SecurityBits()) == Unread("the PC word carries no AFI")


@pytest.mark.parametrize("bank", ["", "30", "30003074257bf7194e4000001a85", "45c21c"])
def test_a_bank_without_a_place_for_a_mark_is_refused(bank: str) -> None:
    with pytest.raises(ValueError, match=r"PC word|nothing on it"):
        write_uhf(bytes.fromhex(bank), "secured", SecurityBits())


def test_the_model_of_a_uhf_tag_is_its_own() -> None:
    bank = encode_epc(Uii("12345678", "CH-000134-1"), 0xC2)
    iso, german = identify_uhf(bank[2:], int.from_bytes(bank[:2], "big")), identify_uhf(GERMAN, None)

    assert (getattr(iso, "model", ""), getattr(german, "model", "")) == ("iso28560-4", "german-uhf")


# --- on a pad -------------------------------------------------------------------------------------


class Pad:
    """A pad with one tag; each step may go wrong."""

    def __init__(self, afi: AfiResult | DeviceError, eas: EasResult | DeviceError) -> None:
        self.afi_result, self.eas_result = afi, eas
        self.done: list[str] = []

    async def read_tag(self, uid: str) -> TagMemory:
        return TagMemory(
            uid, b"", 4, self.afi_result.afi if isinstance(self.afi_result, AfiResult) else None, 0
        )

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        self.done.append(f"afi {afi:02X}")
        if isinstance(self.afi_result, DeviceError):
            raise self.afi_result
        return self.afi_result

    async def eas(self, uid: str) -> EasResult:
        if isinstance(self.eas_result, DeviceError):
            raise self.eas_result
        return self.eas_result

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        self.done.append(f"eas {on}")
        return await self.eas(uid)


@pytest.mark.parametrize(
    ("afi", "eas", "wanted"),
    [
        (AfiResult("verified", 0x07), EasResult(True), Secured()),
        (
            AfiResult("verified", 0x07),
            EasResult(False),
            Contradictory(("AFI 07: secured", "EAS off: lent")),
        ),
        (AfiResult("verified", 0x07), SILENT, Unread("no tag answered")),
        (AfiResult("verified", 0x07), DeviceLost("the cable"), Unread("the cable")),
    ],
)
async def test_securing_is_judged_by_what_was_read_back(
    afi: AfiResult, eas: EasResult | DeviceError, wanted: Judged
) -> None:
    pad = Pad(afi, eas)

    assert wanted == await secure(pad, UID, "secured", BOTH)
    assert pad.done == ["afi 07", "eas True"]


@pytest.mark.parametrize(
    ("afi", "why"),
    [
        (AfiResult("failed", 0xC2, "error 13"), "error 13"),
        (AfiResult("failed", 0xC2), "C2 was read back"),
        (AfiResult("unknown", None, "the tag went"), "the tag went"),
    ],
)
async def test_after_an_afi_that_did_not_take_the_eas_bit_is_not_touched_and_the_reason_is_told(
    afi: AfiResult, why: str
) -> None:
    pad = Pad(afi, EasResult(True))

    found = await secure(pad, UID, "secured", BOTH)

    assert isinstance(found, Unread)
    assert why in found.reason
    assert pad.done == ["afi 07"]


async def test_a_pad_that_is_gone_before_anything_was_written_says_so() -> None:
    with pytest.raises(DeviceLost):
        await secure(Pad(DeviceLost("the cable"), SILENT), UID, "lent", BOTH)
    with pytest.raises(DeviceLost):
        await secure(
            Pad(AfiResult("verified"), DeviceLost("the cable")),
            UID,
            "lent",
            SecurityRules(marks=frozenset({"eas"})),
        )


async def test_looking_asks_for_the_marks_in_use_alone() -> None:
    pad = Pad(AfiResult("verified", 0xC2), DeviceLost("never asked"))

    assert Lent() == await look(pad, UID, SecurityRules())
    assert Contradictory(("AFI C2: lent", "EAS on: secured")) == await look(
        Pad(AfiResult("verified", 0xC2), EasResult(True)), UID, BOTH
    )
