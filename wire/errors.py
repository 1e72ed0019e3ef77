"""The tree of errors. Each class names who must act.

    TurnleafError
    |- ConfigError    the operator: a setting, a file, a certificate
    |- DeviceError    the technician: a reader, a cable, a printer
    |- LinkError      the network: broker away, refused, timed out
    |- WireError      the peer: bytes that do not mean what they should

A refusal to a patron is a value, never one of these.
"""


class TurnleafError(Exception):
    """A failure told in three parts: what was seen, why it matters, what to do."""

    exit_code = 1

    def __init__(self, seen: str, *, why: str = "", do: str = "") -> None:
        super().__init__(seen)
        self.seen = seen
        self.why = why
        self.do = do

    def __str__(self) -> str:
        parts = [self.seen]
        if self.why:
            parts.append(f"Why it matters: {self.why}")
        if self.do:
            parts.append(f"What to do: {self.do}")
        return "\n  ".join(parts)


class ConfigError(TurnleafError):
    """A setting, file or certificate that an operator must mend."""

    exit_code = 2


class DeviceError(TurnleafError):
    """A device that a technician must look at."""

    exit_code = 3


class LinkError(TurnleafError):
    """The network or the broker; usually mends itself, so it is retried."""

    exit_code = 3


class WireError(TurnleafError):
    """A peer sent something that cannot be understood."""
