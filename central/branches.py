"""What is said of a branch: its numbered feed, and the people counted today.

A feed's numbers have no holes within one boot of central and begin at 1 with the next; the boot stands in
each event. Days are local days of the branch's zone; a day that ends is noticed without an event.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from central.ledger.ledger import BranchRow
from wire.clock import Clock
from wire.messages.base import Message, in_rfc_3339
from wire.messages.states import FeedWord, Occupancy
from wire.topics import topic

LENT: dict[FeedWord, tuple[int, int]] = {"checkout": (0, 1), "withdrawn": (0, -1), "checkin": (1, 1)}
"""What counts for a station's day: among loans (0) or returns (1), and how many."""


def feed_event(boot: str, n: int, at: datetime, station: str, event: FeedWord, detail: str) -> bytes:
    """Return a `FeedEvent` as it is sent. There is one for each fact, and all its parts are our own: written
    from a plain dict it takes a third of what making and encoding the model takes. A test compares them."""
    return to_json(
        {
            "schema": "feed/1",
            "boot": boot,
            "n": n,
            "at": in_rfc_3339(at),
            "station": station,
            "event": event,
            "detail": detail,
        }
    )


@dataclass(slots=True)
class BranchView:
    """What is counted for one branch today."""

    zone: ZoneInfo
    span: tuple[str, datetime, datetime] | None = None
    """The local day asked for last: its date, when it began and when it ends."""
    day: str = ""
    at: datetime | None = None
    entered: int = 0
    left: int = 0
    feed: "count[int]" = field(default_factory=lambda: count(1))


class Branches:
    """The branches of the registry. `say` posts, `retain` posts retained and not twice the same."""

    def __init__(
        self,
        clock: Clock,
        boot: str,
        *,
        say: Callable[[str, bytes], None],
        retain: Callable[[str, Message], bool],
    ) -> None:
        self._clock = clock
        self._boot = boot
        self._say = say
        self._retain = retain
        self.views: dict[str, BranchView] = {}
        self._lent: dict[tuple[str, str], list[int]] = {}
        """Loans and returns that nobody has taken yet, by station and local day."""

    def registry(self, rows: Iterable[BranchRow]) -> None:
        """Take the registry into account; counts of a branch stay when its zone changes."""
        for row in rows:
            view = self.views.setdefault(row.branch, BranchView(ZoneInfo(row.zone)))
            if view.zone.key != row.zone:
                view.zone, view.span = ZoneInfo(row.zone), None

    def day(self, branch: str, at: datetime) -> str:
        """Return the local date (YYYY-MM-DD) of a moment; empty for a branch that is not known."""
        view = self.views.get(branch)
        if view is None:
            return ""
        if view.span is None or not view.span[1] <= at < view.span[2]:
            local = at.astimezone(view.zone)
            began = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
            ends = began + timedelta(days=1)  # wall time of the zone: 23 or 25 hours when clocks change
            view.span = f"{local:%Y-%m-%d}", began.astimezone(UTC), ends.astimezone(UTC)
        return view.span[0]

    def midnight(self, branch: str, now: datetime) -> datetime:
        """Return the moment at which today began in a branch."""
        local = now.astimezone(self.views[branch].zone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0)

    def count(self, branch: str, at: datetime, entered: int, left: int) -> None:
        """Add people of today; a count of an earlier day comes late and is history."""
        view, now = self.views.get(branch), self._clock.now()
        if view is None or self.day(branch, at) != self.day(branch, now):
            return
        self._roll(branch, view, now)
        view.at = now
        view.entered += entered
        view.left += left

    def lend(self, branch: str, station: str, event: FeedWord, at: datetime) -> None:
        """Count a loan, a return, or a loan that was withdrawn, for the station's local day."""
        place, number = LENT.get(event, (0, 0))
        if number:
            self._lent.setdefault((station, self.day(branch, at)), [0, 0])[place] += number

    def lent_lately(self) -> list[tuple[str, str, int, int]]:
        """Take what was counted since the last time: (station, day, loans, returns)."""
        lent, self._lent = self._lent, {}
        return [(station, day, loans, returns) for (station, day), (loans, returns) in lent.items()]

    def feed(self, branch: str, event: FeedWord, station: str, detail: str = "") -> None:
        """Say one thing that happened on the branch's numbered feed."""
        view = self.views.get(branch)
        if view is None:
            return
        said = feed_event(self._boot, next(view.feed), self._clock.now(), station, event, detail[:120])
        self._say(topic("feed", branch=branch), said)

    def publish(self, branches: Iterable[str]) -> None:
        """Say the occupancy of these branches, where it changed; a new day begins at zero."""
        now = self._clock.now()
        for branch in branches:
            view = self.views.get(branch)
            if view is None:
                continue
            self._roll(branch, view, now)
            said = Occupancy(
                branch=branch,
                at=view.at or now,
                entered=view.entered,
                left=view.left,
                inside=max(view.entered - view.left, 0),
            )
            self._retain(topic("occupancy", branch=branch), said)

    def _roll(self, branch: str, view: BranchView, now: datetime) -> None:
        today = self.day(branch, now)
        if view.day != today:
            view.day, view.at, view.entered, view.left = today, now, 0, 0
