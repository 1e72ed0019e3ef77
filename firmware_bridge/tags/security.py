"""How "secured" and "lent" stand on a tag, and what a tag that was read back says of them. Pure.

A library marks its tags by one mark or by both: the AFI (ISO 28560-2 and -3: 07 secured, C2 lent; other
values are found and may be configured), and the EAS bit of NXP's chips. UHF tags carry the mark in the EPC
bank: the AFI in the low byte of the PC word when its toggle bit is 1 (ISO 28560-4), or a bit of their own
(the German practice). `writing` says what is to stand there, `judge` what stands there.

A state counts only when every mark in use says it. Marks that disagree are `Contradictory`, which is what a
write that was cut between two marks leaves behind; a mark that was not heard, or says neither, is `Unread`.
Silence never becomes "EAS is off": whoever asks for the bit answers None for it (`ports.EasResult`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from firmware_bridge.ports import EasResult
from firmware_bridge.tags.iso28560_4 import HEADERS, Pc

State = Literal["secured", "lent"]
Security = Literal["secured", "unsecured", "unknown"]
Mark = Literal["afi", "eas"]
ARMED: Final = 0x01
"""Bit of byte 15 of an EPC of the German practice: the item is secured."""
ARMED_BYTE: Final = 15
NOT_ASKED: Final = EasResult(None, "the EAS bit was not asked for")
PC_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class SecurityBits:
    """Which AFI a library uses. 07 and C2 are the agreed ones (AFI C2 is assigned to libraries)."""

    secured: int = 0x07
    unsecured: int = 0xC2
    also_secured: frozenset[int] = frozenset()
    """Values of earlier systems that are read, and never written: 3M wrote D7."""
    also_unsecured: frozenset[int] = frozenset()
    """3M wrote DA; 21 and others are found, too."""

    def of(self, afi: int | None) -> Security:
        """Return what an AFI says; another value, or none, is unknown and never "unsecured"."""
        if afi == self.secured or afi in self.also_secured:
            return "secured"
        return "unsecured" if afi == self.unsecured or afi in self.also_unsecured else "unknown"


@dataclass(frozen=True, slots=True)
class SecurityRules:
    """How a library secures: its AFIs, and the marks that its gates look at."""

    bits: SecurityBits = SecurityBits()
    marks: frozenset[Mark] = frozenset({"afi"})

    def __post_init__(self) -> None:
        """Raise ValueError when the two states could not be told apart."""
        secured = {self.bits.secured, *self.bits.also_secured}
        if secured & {self.bits.unsecured, *self.bits.also_unsecured}:
            raise ValueError("an AFI is both secured and lent")
        if not self.marks:
            raise ValueError("a library secures by the AFI, by EAS or by both")


@dataclass(frozen=True, slots=True)
class Writing:
    """What is to be written on a tag; None leaves a mark as it is."""

    afi: int | None
    eas: bool | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read back of a tag's marks."""

    afi: int | None = None
    """None: it could not be read, which `afi_reason` explains."""
    afi_reason: str = ""
    eas: EasResult = NOT_ASKED


@dataclass(frozen=True, slots=True)
class Secured:
    """Every mark says so."""

    state: Literal["secured"] = "secured"


@dataclass(frozen=True, slots=True)
class Lent:
    """Every mark says so."""

    state: Literal["lent"] = "lent"


@dataclass(frozen=True, slots=True)
class Contradictory:
    """The marks disagree: a write was cut, or another system uses one of them."""

    which: tuple[str, ...]
    """What each mark says, e.g. ("AFI 07: secured", "EAS off: lent")."""
    state: None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Nobody knows: a mark was not heard, or says neither."""

    reason: str
    state: None = None


Judged = Secured | Lent | Contradictory | Unread


def writing(state: State, rules: SecurityRules) -> Writing:
    """Return what makes a tag say `state`."""
    secured = state == "secured"
    afi = rules.bits.secured if secured else rules.bits.unsecured
    return Writing(afi if "afi" in rules.marks else None, secured if "eas" in rules.marks else None)


def judge(evidence: Evidence, rules: SecurityRules) -> Judged:
    """Return what was read back says, by the marks that the library uses; never a guess."""
    said: list[tuple[Security, str]] = []
    if "afi" in rules.marks:
        said.append(_afi(evidence.afi, evidence.afi_reason, rules.bits))
    if "eas" in rules.marks:
        said.append(_eas(evidence.eas))
    return _together(said)


def _afi(afi: int | None, reason: str, bits: SecurityBits) -> tuple[Security, str]:
    if afi is None:
        return "unknown", reason or "the AFI was not read"
    state = bits.of(afi)
    return (state, _says(f"AFI {afi:02X}", state)) if state != "unknown" else (
        state, f"AFI {afi:02X} is neither secured nor lent here"
    )  # fmt: skip


def _eas(found: EasResult) -> tuple[Security, str]:
    if found.on is None:
        return "unknown", found.reason or "the EAS bit was not heard"
    state: Security = "secured" if found.on else "unsecured"
    return state, _says(f"EAS {'on' if found.on else 'off'}", state)


def _says(mark: str, state: Security) -> str:
    return f"{mark}: {'secured' if state == 'secured' else 'lent'}"


def _together(said: list[tuple[Security, str]]) -> Judged:
    unheard = next((text for state, text in said if state == "unknown"), None)
    if unheard is not None:
        return Unread(unheard)
    states = {state for state, _ in said}
    if len(states) > 1:
        return Contradictory(tuple(text for _, text in said))
    return Secured() if states == {"secured"} else Lent()


def security_of(judged: Judged) -> Security:
    """Return the same in the words of a tag's reading, where contradictory and unread are both unknown."""
    match judged:
        case Secured():
            return "secured"
        case Lent():
            return "unsecured"
    return "unknown"


def judge_uhf(epc: bytes, pc: int | None, bits: SecurityBits) -> Judged:
    """Return what a UHF tag says by its PC word and EPC.

    Without the PC word nothing is known of an ISO tag. With a toggle bit of 0 its low byte is no AFI.
    """
    said = list(_uhf_marks(epc, pc, bits))
    if not said:
        return Unread("the PC word was not reported" if pc is None else "the PC word carries no AFI")
    return _together(said)


def _uhf_marks(epc: bytes, pc: int | None, bits: SecurityBits) -> Iterator[tuple[Security, str]]:
    word = None if pc is None else Pc.of(pc)
    if _german(epc):
        state: Security = "secured" if epc[ARMED_BYTE] & ARMED else "unsecured"
        yield state, _says(f"bit 0 of byte {ARMED_BYTE} {epc[ARMED_BYTE] & ARMED}", state)
        if word is None or bits.of(word.afi) == "unknown":
            return  # such tags have a mark of their own; an AFI that says nothing takes nothing from it
    if word is not None and word.toggle:
        yield _afi(word.low, "", bits)


def write_uhf(bank: bytes, state: State, bits: SecurityBits) -> bytes:
    """Return an EPC bank, from its PC word on, that says `state`; nothing else of it changes.

    Raises ValueError for a bank that has no place for a mark: a number of GS1, or no EPC at all.
    """
    if len(bank) < PC_BYTES:
        raise ValueError("an EPC bank begins with the PC word")
    word, epc = Pc.of(int.from_bytes(bank[:PC_BYTES], "big")), bytearray(bank[PC_BYTES:])
    if word.words * 2 > len(epc):
        raise ValueError(f"the PC word says {word.words} words, and {len(epc)} bytes follow")
    german = _german(bytes(epc))
    if not (german or word.toggle):
        raise ValueError("the EPC has no AFI and no bit of its own: nothing on it can say that it is secured")
    afi = bits.secured if state == "secured" else bits.unsecured
    if german:
        epc[ARMED_BYTE] = epc[ARMED_BYTE] & ~ARMED | (ARMED if state == "secured" else 0)
    if word.toggle and (not german or bits.of(word.afi) != "unknown"):
        word = replace(word, low=afi)
    return word.value.to_bytes(PC_BYTES, "big") + bytes(epc)


def _german(epc: bytes) -> bool:
    return epc[:4] in HEADERS and len(epc) > ARMED_BYTE
