"""A stream of bytes to frames: CR, CRLF, LF, blank lines, several frames in a piece and one over several.

Telnet negotiation (IAC, RFC 854), which some systems and terminal servers begin with, is taken out; so are
NUL bytes. What is longer than any frame is dropped to its end and counted.
"""

from dataclasses import dataclass, field

IAC, SB, SE = 0xFF, 0xFA, 0xF0
WILL, DONT = 0xFB, 0xFE
LONGEST = 65_536
"""Bytes of the longest frame that is taken; a 64 with every list of a busy patron is far below."""


@dataclass
class Framer:
    """Feed it what arrives; it returns the frames that ended."""

    longest: int = LONGEST
    utf8: bool = True
    """FF is no letter in UTF-8; in other encodings telnet is looked for before the first frame alone."""
    dropped: int = 0
    """Frames that were too long."""
    _held: bytearray = field(default_factory=bytearray)
    _telnet: bytearray = field(default_factory=bytearray)
    _too_long: bool = False
    _begun: bool = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that end in `data`, without terminators."""
        if self.utf8 or not self._begun:
            data = self._plain(data)
        *ended, rest = data.replace(b"\n", b"\r").split(b"\r")
        if not ended:
            self._held += rest
            self._bound()
            return []
        if self._held or self._too_long:
            ended[0] = bytes(self._held) + ended[0]
        self._held = bytearray(rest)
        frames: list[bytes] = []
        for frame in ended:
            if self._too_long:
                self._too_long = False
            elif len(frame) > self.longest:
                self.dropped += 1
            elif frame.strip(b" \0"):
                frames.append(frame.replace(b"\0", b""))
        self._begun = self._begun or bool(frames)
        self._bound()
        return frames

    def _bound(self) -> None:
        """Drop what is longer than any frame, up to its end."""
        if len(self._held) > self.longest or self._too_long:
            self._held.clear()
            self.dropped += not self._too_long
            self._too_long = True

    @property
    def pending(self) -> bytes:
        """What came of a frame that has not ended: a prompt such as `login:` never does."""
        return bytes(self._held)

    def _plain(self, data: bytes) -> bytes:
        """Take telnet commands out; one that is not whole yet is kept for the next piece."""
        if IAC not in data and not self._telnet:
            return data
        held = bytes(self._telnet) + data
        self._telnet.clear()
        out = bytearray()
        at = 0
        while at < len(held):
            if held[at] != IAC:
                end = held.find(bytes((IAC,)), at)
                end = len(held) if end < 0 else end
                out += held[at:end]
                at = end
                continue
            size = _command_size(held, at)
            if size == 0:
                self._telnet += held[at : at + self.longest]
                break
            at += size
        return bytes(out)


def _command_size(data: bytes, at: int) -> int:
    """Return how long the telnet command at `at` is, 0 when its end has not come."""
    if at + 1 >= len(data):
        return 0
    command = data[at + 1]
    if WILL <= command <= DONT:
        return 3 if at + 2 < len(data) else 0
    if command == SB:
        end = data.find(bytes((IAC, SE)), at + 2)
        return end + 2 - at if end >= 0 else 0
    return 2
