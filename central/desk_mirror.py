"""The desk's share of the mirror: what a library's own system says of an item that was lent or came back
without us (an app, a desk, a kiosk of another make).

It is one more event of the item's history, at the moment of the question and without a patron, so late facts
of our stations fold around it like around any other. It never outranks what we know better: an event of ours
that is later than the question, or a request about the item that is still on its way there.
"""

from functools import partial

from central.desk_attempt import attempt
from central.desk_items import append, lend
from central.desk_scene import Group, Scene
from central.ledger.rows import ItemRow, moment
from central.results import Mirrored
from circulation.due import due_date
from circulation.history import Returned
from circulation.policy import ANY
from wire.ids import fact_id

NOWHERE = ""
"""Station of what was lent or came back without us; nobody reports on the tag of such a loan or return."""


def mirror(group: Group, given: Mirrored) -> None:
    """Take what was said of an item into its history, where it says something new."""
    if group.authority.at_once:
        return
    what = "what was said of an item elsewhere cannot be recorded"
    attempt(group, what, partial(_mirror, group, given))


def _mirror(group: Group, given: Mirrored) -> None:
    row = group.hot.item(given.item)
    event = fact_id(moment(group.now))
    at = min(given.at, group.now)
    if row is None or row.gone or (row.state.loan is not None) == given.on_loan:
        return
    if not row.state.before(at, event) or group.hot.asked_about(given.item):
        return
    branch, zone = _place(group, row)
    scene = Scene(group, group.hot, NOWHERE, branch, zone, "", event, at)
    if given.on_loan:
        terms = group.policy.terms(ANY, row.item_class, branch)
        due = given.due or due_date(at, zone, terms.loan_days)
        lend(scene, given.item, row, (None, due.isoformat(), 0))
        return
    group.hot.new_checkin((event, given.item, at, NOWHERE, branch, "mirror", None))
    if row.state.loan is not None:
        group.hot.end_loan(row.state.loan, at)
    append(scene, row, Returned(event, at))


def _place(group: Group, row: ItemRow) -> tuple[str, str]:
    return row.branch, group.hot.zone(row.branch) or "UTC"
