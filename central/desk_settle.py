"""What nobody reported on: a loan or a return between whose commit and whose tag a station fell silent.

The gap between the two is a state with a name (design §4). It ends with a report; where none comes, a
person must look, so it becomes a case, which any later good report about that item's tag closes.
"""

from central.desk_asked import settle_granted
from central.desk_scene import Group, Scene
from central.ledger.rows import DAY_MS

WINDOW_MS, LONG_WINDOW_MS = DAY_MS, 60 * DAY_MS
"""How far back is looked: a day, for older ones were found by earlier rounds; and now and then so far that
what a station tells after weeks without a network, or what befell while central was off, is found too."""


def settle(group: Group, *, far_back: bool = False) -> None:
    """Open a case for each item whose tag should have been reported on by now."""
    until = group.now - group.policy.settle_minutes * 60_000
    since = until - (LONG_WINDOW_MS if far_back else WINDOW_MS)
    for item, station, branch in group.hot.unsettled(since, until):
        scene = Scene(group, group.hot, station, branch, "UTC", "", "", group.now)
        scene.open_case("tag-unreported", item, item=item)
    if not group.authority.at_once:
        settle_granted(group, until)
