"""The paper of a receipt printer: it falls with each receipt and jumps at a refill."""

from dataclasses import dataclass


@dataclass
class PaperRoll:
    """Millimetres left on a roll."""

    length_mm: float = 80_000.0
    left_mm: float = 80_000.0

    def print_receipt(self, lines: int) -> bool:
        """Use paper for `lines` lines of 4 mm and a margin; False when there is too little left."""
        used = lines * 4.0 + 30.0
        if used > self.left_mm:
            return False
        self.left_mm -= used
        return True

    def refill(self) -> None:
        """Put a new roll in."""
        self.left_mm = self.length_mm

    @property
    def percent(self) -> float:
        """Paper left, in per cent of a new roll."""
        return 100.0 * self.left_mm / self.length_mm
