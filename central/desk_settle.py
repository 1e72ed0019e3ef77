"""What nobody reported on: a loan or a return between whose commit and whose tag a station fell silent.

The gap between the two is a state with a name (design §4). It ends with a report; where none comes, a
person must look, so it becomes a case, which any later good report about that item's tag closes.
"""

from central.desk_asked import settle_granted
from central.desk_scene import Group, Scene

WINDOW_MS = 86_400_000
"""How far back is looked: a day; older ones were found by earlier rounds."""


def settle(group: Group) -> None:
    """Open a case for each item whose tag should have been reported on by now."""
    until = group.now - group.policy.settle_minutes * 60_000
    for item, station, branch in group.hot.unsettled(until - WINDOW_MS, until):
        scene = Scene(group, group.hot, station, branch, "UTC", "", "", group.now)
        scene.open_case("tag-unreported", item, item=item)
    if not group.authority.at_once:
        settle_granted(group, until)
