"""The hot statements on the sqlite3 driver, part two: what an authority elsewhere decides, and alarms."""

from dataclasses import replace
from typing import Any

from central.ledger.hot_sqlite_streams import StreamHot
from central.ledger.rows import AskedRow


def _row(found: tuple[Any, ...]) -> AskedRow:
    row = AskedRow(*found)
    return replace(row, happened=bool(row.happened), withdrawn=bool(row.withdrawn))


class AskedHot(StreamHot):
    """What the desk needs of the table `asked`."""

    def new_asked(self, row: AskedRow) -> None:
        """Insert a request; its number is the next one, whatever `row.n` says."""
        values = (row.request, row.kind, row.state, row.item, row.card, row.patron, row.station, row.branch)
        times = (row.zone, row.at, row.asked, row.since, row.happened, row.withdrawn, row.outcome)
        self._run(self._sql.new_asked, (*values, *times))

    def asked(self, request: str) -> AskedRow | None:
        """Return a request that went, or goes, elsewhere."""
        found = self._run(self._sql.asked, (request,)).fetchone()
        return None if found is None else _row(found)

    def asked_open(self) -> list[AskedRow]:
        """Return the requests that have not come to their end, in their order."""
        return [_row(found) for found in self._run(self._sql.asked_open)]

    def asked_about(self, item: str) -> bool:
        """Say whether a request about an item is still on its way elsewhere."""
        return self._run(self._sql.asked_about, (item,)).fetchone() is not None

    def zone(self, branch: str) -> str | None:
        """Return the time zone of a branch."""
        found = self._run(self._sql.zone, (branch,)).fetchone()
        return None if found is None else str(found[0])

    def asked_state(self, row: AskedRow) -> None:
        """Store where a request stands now."""
        self._run(self._sql.asked_state, (row.state, row.since, row.withdrawn, row.outcome, row.request))

    def station_name(self, station: str) -> str:
        """Return what a station is called, its id when it has no name."""
        found = self._run(self._sql.station_name, (station,)).fetchone()
        return station if found is None else found[0] or station

    def open_alarm(self, station: str, part: str, rule: str) -> str | None:
        """Return the id of the alarm that is not closed yet under a key."""
        found = self._run(self._sql.open_alarm, (station, part, rule)).fetchone()
        return None if found is None else found[0]
