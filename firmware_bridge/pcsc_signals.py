"""LED, buzzer, firmware and serial number of PC/SC readers, by make and model: what to send, without I/O.

PC/SC has no command for a light or a beep; each maker has its own. What is here is documented by its maker:

* ACR122U: `FF 00 40 P2 04 T1 T2 n buzzer` sets both colours and beeps, `FF 00 48 00 00` tells the firmware
  (ACS, ACR122U Application Programming Interface V2.04, Bi-Color LED and Buzzer Control; Get firmware). The
  firmware is asked by the escape, because no card need lie there.
* ACR1252U, ACR1255U, ACR1552U: `E0 00 00 29 01 leds`, `E0 00 00 28 01 duration`, firmware `E0 00 00 18 00`,
  serial number `E0 00 00 33 00`; the answer is `E1 00 00 00 length data` (ACS reference manuals, peripherals
  control). Their second light is red on the ACR1252U and blue on the ACR1552U.
* Identiv uTrust 370x, 372x and 4701: their manuals let a host stop the firmware's own light (B2) and, on
  some, mute the buzzer (51), but describe no command that lights or sounds; so nothing is sent, and the
  reader's own light goes on working.

Other readers get nothing at all. None of it was tried on hardware here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["accepted", "refused"]
"""What a reader is to show: a card that is taken, or one that is not."""
Route = Literal["apdu", "escape"]
"""apdu: as a command to the card on the reader. escape: as PC/SC's vendor escape (CCID PC_to_RDR_Escape)."""

ESCAPE_CODE: Final = 1
"""Function code of the escape on Linux: SCARD_CTL_CODE(1), libccid's IOCTL_SMARTCARD_VENDOR_IFD_EXCHANGE."""
BEEP_10MS: Final = 8
"""A short beep, in units of 10 ms."""
LONG_BEEP_10MS: Final = 40
"""A beep that is not taken for a good one, in units of 10 ms."""

LED_BUZZER: Final = bytes.fromhex("FF0040")
FIRMWARE_122: Final = bytes.fromhex("FF00480000")
LEDS: Final = bytes.fromhex("E000002901")
BUZZER: Final = bytes.fromhex("E000002801")
FIRMWARE: Final = bytes.fromhex("E000001800")
SERIAL: Final = bytes.fromhex("E000003300")
ANSWER: Final = bytes.fromhex("E1000000")

FIRST_LED, SECOND_LED = 0b01, 0b10
"""Bits of LEDS. On an ACR1252U red and green, on an ACR1552U blue and green."""


@dataclass(frozen=True, slots=True)
class Led122:
    """LED State Control (P2) of the ACR122U, bit by bit."""

    final_red: bool = False
    final_green: bool = False
    blink_red: bool = False
    blink_green: bool = False

    @property
    def p2(self) -> int:
        """Return the byte; both lights are updated, and blink from off to on where they are to blink."""
        return (
            int(self.final_red)
            | self.final_green << 1
            | 0b1100
            | self.blink_red << 4
            | self.blink_green << 5
            | self.blink_red << 6
            | self.blink_green << 7
        )


def led_buzzer(led: Led122, *, on_100ms: int, off_100ms: int, times: int) -> bytes:
    """Return the ACR122U's command; it beeps while the light is in its first state (link to buzzer 01)."""
    return LED_BUZZER + bytes((led.p2, 4, on_100ms, off_100ms, times, 0x01))


@dataclass(frozen=True, slots=True)
class Signals:
    """What one model can show, and how it is asked what it is."""

    model: str
    """Part of the reader's name in pcscd, e.g. ACR122."""
    route: Route
    shows: Mapping[Verdict, tuple[bytes, ...]]
    rest: tuple[bytes, ...] = ()
    """Sent when the card is gone, where a light would else stay on; by the escape route alone."""
    firmware: bytes = b""
    serial: bytes = b""
    """Questions for firmware and serial number; empty where there is none."""


MODELS: Final[tuple[Signals, ...]] = (
    Signals(
        "ACR122",
        "apdu",
        {
            "accepted": (led_buzzer(Led122(blink_green=True), on_100ms=2, off_100ms=1, times=1),),
            "refused": (led_buzzer(Led122(blink_red=True), on_100ms=3, off_100ms=2, times=2),),
        },
        firmware=FIRMWARE_122,
    ),
    Signals(
        "ACR1252",
        "escape",
        {
            "accepted": (LEDS + bytes((SECOND_LED,)), BUZZER + bytes((BEEP_10MS,))),
            "refused": (LEDS + bytes((FIRST_LED,)), BUZZER + bytes((LONG_BEEP_10MS,))),
        },
        rest=(LEDS + b"\x00",),
        firmware=FIRMWARE,
        serial=SERIAL,
    ),
    Signals(
        "ACR1552",
        "escape",
        {
            "accepted": (LEDS + bytes((SECOND_LED,)), BUZZER + bytes((BEEP_10MS,))),
            "refused": (LEDS + bytes((FIRST_LED,)), BUZZER + bytes((LONG_BEEP_10MS,))),
        },
        rest=(LEDS + b"\x00",),
        firmware=FIRMWARE,
        serial=SERIAL,
    ),
)
"""Models whose commands are known, each told by a part of its name."""


def signals_of(reader: str) -> Signals | None:
    """Return what a reader can show, by its name in pcscd; None for one that is not known."""
    return next((one for one in MODELS if one.model.lower() in reader.lower()), None)


def text_of(answer: bytes) -> str:
    """Return the text of an answer about firmware or serial number; empty for one that is not understood.

    An ACR122U answers bare text without a status word; the others wrap theirs in `E1 00 00 00 length`.
    """
    if answer[:4] == ANSWER and len(answer) > 5 and len(answer) >= 5 + answer[4]:
        answer = answer[5 : 5 + answer[4]]
    elif answer[:1] in (b"\xe1", b"\x63", b"\x6a"):
        return ""
    text = answer.removesuffix(b"\x90\x00").rstrip(b"\x00").decode("ascii", errors="replace")
    return text if text.isascii() and text.isprintable() else ""
