"""An item's state after each circulation entry (streams.md L6), and what follows from it.

When the new event is later than all others, the state steps on from what is stored. Otherwise the whole
history is folded anew, and the loans' ends are set to what it comes to. Both ways lead to one result,
because the fold is that step over the sorted history.
"""

from central.desk_fees import settle_fines
from central.desk_scene import Scene
from central.ledger.history import settle_history
from central.ledger.rows import ItemRow, word_of
from circulation.history import ItemEvent, ItemState, Lent, step

OF_TAG = frozenset(
    {
        "lent-but-secured",
        "loan-without-patron",
        "returned-unsecured",
        "tag-unknown",
        "tag-unreported",
        "unsecured-not-lent",
    }
)
"""Cases that are over once the tag was read back as it should be: the item is back, or properly on loan."""


def append(scene: Scene, row: ItemRow, event: ItemEvent) -> None:
    """Take an event that is later than all others. The loan that ends here is ended *before* the row of a
    new one is inserted: at most one may be open at any moment."""
    store(scene, row, step(row.state, event))
    scene.close_doubt(row.item)


def refold(scene: Scene, item: str, row: ItemRow | None) -> ItemState:
    """Work the item out from its whole history; `row` is None when the item is not in the ledger."""
    state = settle_history(scene.hot, item)
    if row is not None:
        store(scene, row, state)
        if scene.group.fines():
            settle_fines(scene, row)
    if state.loan is not None and state.loan not in (scene.fact, None if row is None else row.state.loan):
        _open_again(scene, state.loan, item)
    return state


def _open_again(scene: Scene, request: str, item: str) -> None:
    """A loan that had ended is open again: if it was forgotten whose it is, somebody must look."""
    loan = scene.hot.loan(request)
    if loan is not None and loan.patron is None:
        scene.open_case("loan-without-patron", item, item=item)


def store(scene: Scene, row: ItemRow, state: ItemState) -> None:
    """Write an item's state; number the change if gates see another word; open and close its case."""
    version, word = row.version, word_of(row.gone, state)
    if word != row.word:
        version += 1
        scene.number(row, version, word)
    scene.hot.item_state(row.item, version, state)
    before, after = row.state.trouble, state.trouble
    if before != after:
        if before is not None:
            scene.close_case(f"{before}:{row.item}")
        if after is not None:
            scene.open_case(after, row.item, item=row.item)


def close_tag_cases(scene: Scene, item: str) -> None:
    """The tag was read back as it should be: whatever was open about it is over."""
    for case in scene.hot.cases_of_item(item):
        if case.kind in OF_TAG:
            scene.close_case(case.key)


def is_latest(row: ItemRow | None, event_id: str) -> bool:
    """Say whether this event is the latest of the item's history."""
    return row is not None and row.state.last_id == event_id


def lend(scene: Scene, item: str, row: ItemRow | None, loan: tuple[object, ...]) -> None:
    """Insert a loan and bring the item to what its history then comes to.

    `loan` has the columns of its table from `patron` on, without start and end.
    """
    patron, due, renewals = loan
    event = Lent(scene.fact, scene.at, tag=scene.tag)
    head = (scene.fact, item, patron, scene.station, scene.branch, scene.at)
    tail = (due, due, renewals, False, False, scene.tag)
    if row is not None and row.state.before(scene.at, scene.fact):
        if row.state.loan is not None:
            scene.hot.end_loan(row.state.loan, scene.at)
        scene.hot.new_loan((*head, None, *tail))
        append(scene, row, event)
        return
    scene.hot.new_loan((*head, scene.at, *tail))
    refold(scene, item, row)
