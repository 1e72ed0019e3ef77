"""Three ways to an ISO 15693 tag through a PC/SC reader, without I/O.

`transparent` sends whole requests, addressed to one UID, in a transparent session (FF C2): it can do all that
the tag can. `utrust` has a command for each (FF FC), without flags and UID, and no EAS here. `storage` knows
blocks alone (FF B0, FF D6): no AFI, no locks.

A way is a small object whose methods are sequences (`apdu.Steps`). What a reader says of a write is not taken
as its outcome: 6401 comes for writes that were done. Whoever writes looks after.
"""

from collections.abc import Callable
from typing import Final, Literal, Protocol

from firmware_bridge import apdu, apdu_transparent, iso15693
from firmware_bridge.apdu import OK, Steps
from firmware_bridge.errors import DeviceRefused, FrameError, TagGone

WayName = Literal["transparent", "utrust", "storage"]
NAMES: Final[tuple[tuple[str, WayName], ...]] = (
    ("ACR1552", "transparent"),
    ("OMNIKEY 5022", "transparent"),
    ("uTrust 372", "utrust"),
    ("uTrust 370", "storage"),
)
"""Part of a reader's name -> its way. That of the OMNIKEY was not tried, here or in a source."""
WRITES: Final = frozenset(
    {
        iso15693.WRITE_BLOCK,
        iso15693.LOCK_BLOCK,
        iso15693.WRITE_AFI,
        iso15693.SET_EAS,
        iso15693.RESET_EAS,
    }
)
"""Commands that take a tag as long as a write; the reader must wait longer for the answer."""


class Way(Protocol):
    """How one kind of reader is told to send a command to a tag."""

    name: WayName

    def begin(self) -> Steps[None]:
        """Make the reader ready; raises DeviceRefused."""

    def ask(self, uid: str, command: int, data: bytes = b"", *, nxp: bool = False) -> Steps[bytes]:
        """Send a command, return the data of the tag's answer; raises TagGone, TagError, DeviceRefused."""

    def end(self) -> Steps[None]:
        """Leave the reader as it was; never raises for what the reader answers."""


def way_of(reader: str, override: WayName | None = None) -> Way:
    """Return the way that fits a reader's name; one that is not known is taken as a storage-card reader."""
    named: WayName = next((way for part, way in NAMES if part.lower() in reader.lower()), "storage")
    makers: dict[WayName, Callable[[], Way]] = {
        "transparent": TransparentWay, "utrust": UTrustWay, "storage": StorageWay,
    }  # fmt: skip
    return makers[override or named]()


class TransparentWay:
    """PC/SC part 3 amendment 1: a session of data objects. `order` is that of the timer's bytes."""

    name: WayName = "transparent"

    def __init__(self, order: apdu_transparent.ByteOrder = "little") -> None:
        self._order: apdu_transparent.ByteOrder = order

    def begin(self) -> Steps[None]:
        """Open the session and choose ISO 15693."""
        for command in (apdu_transparent.BEGIN, apdu_transparent.ISO15693_LAYER3):
            data, status = apdu.split((yield command))
            told = apdu_transparent.objects(data).get(apdu_transparent.STATUS)
            inner = int.from_bytes(told[1:3], "big") if told is not None and len(told) >= 3 else OK
            if apdu_transparent.TAG_SILENT in (status, inner):
                raise TagGone("no tag answered when the session was opened")
            if status != OK or inner != OK:
                wrong = status if status != OK else inner
                raise DeviceRefused(
                    f"the reader opens no transparent session ({wrong:04X}: {apdu.status_words(wrong)})",
                    do="Set the way of this reader, e.g. to storage.",
                )

    def ask(self, uid: str, command: int, data: bytes = b"", *, nxp: bool = False) -> Steps[bytes]:
        """Send one request to one UID; a write sets the timer object before it."""
        request = (iso15693.nxp if nxp else iso15693.addressed)(command, uid, data)
        timer = apdu_transparent.WRITE_TIMER_US if command in WRITES else 0
        raw = yield apdu_transparent.exchange(
            iso15693.encode_request(request), timer_us=timer, order=self._order
        )
        answer = iso15693.decode_response(apdu_transparent.answer(raw))
        if answer.error is not None:
            raise iso15693.error_of(answer.error, request.name)
        return answer.data

    def end(self) -> Steps[None]:
        """End the session."""
        yield apdu_transparent.END


class UTrustWay:
    """Identiv uTrust 372xF. What goes is in its manual; of what comes, flags before the data are optional."""

    name: WayName = "utrust"

    def begin(self) -> Steps[None]:
        """There is nothing to open."""
        yield from ()

    def ask(self, uid: str, command: int, data: bytes = b"", *, nxp: bool = False) -> Steps[bytes]:
        """Send one command to the tag in the field."""
        if nxp:
            raise DeviceRefused(
                "commands of the tag's maker are not known for this reader",
                why="EAS cannot be asked or set here.",
                do="Use the AFI, or a reader with a transparent session.",
            )
        answer, status = apdu.split((yield apdu_transparent.utrust(command, data)))
        if status == apdu_transparent.TAG_SILENT:
            raise TagGone("the tag was silent")
        if status != OK:
            raise DeviceRefused(
                f"the reader refused command {command:02X} ({status:04X}: {apdu.status_words(status)})"
            )
        return answer

    def end(self) -> Steps[None]:
        """There is nothing to end."""
        yield from ()


class StorageWay:
    """Blocks alone, by the commands of PC/SC part 3."""

    name: WayName = "storage"

    def begin(self) -> Steps[None]:
        """There is nothing to open."""
        yield from ()

    def ask(self, uid: str, command: int, data: bytes = b"", *, nxp: bool = False) -> Steps[bytes]:
        """Read or write one block; everything else is refused by name, and nothing is sent."""
        if not nxp and command == iso15693.READ_BLOCK:
            read, status = apdu.split((yield apdu.read_binary(data[0], apdu.BLOCK)))
            if status not in (OK, 0x6282) or not read:
                raise DeviceRefused(
                    f"block {data[0]} cannot be read ({status:04X}: {apdu.status_words(status)})"
                )
            return read
        if not nxp and command == iso15693.WRITE_BLOCK:
            _, status = apdu.split((yield apdu.update_binary(data[0], data[1:])))
            if status != OK:
                raise DeviceRefused(
                    f"block {data[0]} was refused ({status:04X}: {apdu.status_words(status)})"
                )
            return b""
        what = iso15693.Request(command, maker=iso15693.NXP if nxp else None).name
        raise DeviceRefused(
            f"this reader cannot do {what!r}: it knows the blocks of a storage card alone",
            why="Security states (AFI, EAS) can be neither read nor written here.",
            do="Use a reader with a transparent session (ACR1552U) or a uTrust 3720F.",
        )

    def end(self) -> Steps[None]:
        """There is nothing to end."""
        yield from ()


def without_flags(data: bytes, size: int) -> bytes:
    """Return `size` bytes of an answer, with or without the tag's flags before them; raises FrameError."""
    if len(data) == size + 1 and data[0] == 0:
        return data[1:]
    if len(data) != size:
        raise FrameError(f"{size} bytes were asked for, {len(data)} came")
    return data
