"""One line of `turnleaf doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is well, what was seen, and the mend."""

    what: str
    ok: bool
    seen: str = ""
    do: str = ""

    def text(self) -> str:
        """Return it for people."""
        line = f"{'✓' if self.ok else '✗'} {self.what}"
        if self.seen:
            line += f": {self.seen}"
        return line if self.ok or not self.do else f"{line}\n    do: {self.do}"
