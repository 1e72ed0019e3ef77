"""Which sentences of docs/streams.md do not hold in a world whose faults have stopped."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference_central import ReferenceCentral
    from streams_world import Disk


class Judge:
    """What a `World` is measured by; it fills these in."""

    central: "ReferenceCentral"
    disks: "list[Disk]"
    positions: dict[str, set[tuple[str, int]]]
    order: dict[str, int]
    began: set[str]
    must: set[str]
    clear: set[str]
    broken: list[str]
    cloned: bool
    tampered: bool

    def cases(self) -> list[tuple[str, str, bool]]:
        return [
            (key, about, bool(is_open))
            for key, about, is_open in self.central.db.execute("SELECT * FROM cases")
        ]

    def accounted(self, row_id: str, *, strict: bool) -> bool:
        """Whether central has the row or says that it has not; strict: only `lost` may say so."""
        if self.central.known(row_id):
            return True
        places = self.positions[row_id]
        for key, about, _ in self.cases():
            kind, *rest = key.split(":")
            if kind == "lost":
                first, last = (int(number) for number in rest[1].split("-"))
                if any(stream == rest[0] and first <= seq <= last for stream, seq in places):
                    return True
            elif strict:
                continue
            elif (kind in ("undelivered", "fork") and any(stream == about for stream, _ in places)) or (
                kind == "began" and self._before(json.loads(about), places)
            ):
                return True
        return False

    def _before(self, began: dict[str, object], places: set[tuple[str, int]]) -> bool:
        parents = began["parents"]
        assert isinstance(parents, list)
        for stream, seq in places:
            if stream in parents[:-1] or (stream in parents and seq < int(str(began["first"]))):
                return True
        return False

    def problems(self) -> list[str]:
        """Return every sentence that does not hold; call after `drain`."""
        found = list(self.broken)
        for disk in self.disks:
            found += ["silent loss: a row held here never came" for row_id in disk.ids()
                      if not self.accounted(row_id, strict=True)]  # fmt: skip
        found += ["silent loss, no case" for row_id in self.must if not self.accounted(row_id, strict=False)]
        effects = [fact for (fact,) in self.central.db.execute("SELECT fact_id FROM effect ORDER BY n")]
        if len(effects) != len(set(effects)):
            found.append("applied twice")
        order = [self.order[fact] for fact in effects if fact not in self.began]
        if not self.cloned and len({disk.station for disk in self.disks}) == 1 and order != sorted(order):
            found.append("applied out of order")
        if not self.tampered and any(disk.store.held.parents for disk in self.disks):
            found.append("false fork")
        found += self._forks()
        return sorted(set(found))

    def _forks(self) -> list[str]:
        begun = {str(about) for key, about, _ in self.cases() if key.startswith("began:")}
        streams = {row.stream for disk in self.disks for row in self.central.rows(disk.station)}
        told = " ".join(begun)
        return [
            "fork without case"
            for disk in self.disks
            for parent in disk.store.held.parents
            if parent not in told and parent in streams
        ]

    def lending_problems(self) -> list[str]:
        """After `drain`, with nothing under way at any pad: loan and tag agree, or there is a case."""
        found = []
        told = " ".join(f"{key} {about}" for key, about, _ in self.cases())
        loans = self.central.db.execute(
            "SELECT item, request FROM loan WHERE withdrawn = 0 AND ended IS NULL"
        )
        open_loans: dict[str, list[str]] = {}
        for item, request in loans:
            open_loans.setdefault(item, []).append(request)
        items = set(open_loans) | self.clear
        for item in items:
            if len(open_loans.get(item, [])) > 1:
                found.append("two open loans")
            if item in told:
                continue
            if item in open_loans and item not in self.clear:
                found.append("loan, item secured on the shelf")
            if item not in open_loans and item in self.clear:
                found.append("tag clear, no loan")
        return found
