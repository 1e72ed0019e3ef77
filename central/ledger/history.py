"""Setting the ends of an item's loans to what its whole history comes to (streams.md L6)."""

from central.ledger.hot_sqlite import Hot
from circulation.history import ItemState, fold


def settle_history(hot: Hot, item: str) -> ItemState:
    """Fold an item's history and set the ends of its loans to what it comes to."""
    events, stored = hot.history(item)
    folded = fold(events)
    reopened = None
    for request, ended in stored.items():
        true_end = folded.ends.get(request)
        if true_end is None and ended is not None:
            reopened = request
        elif true_end != ended:
            hot.end_loan(request, true_end)
    if reopened is not None:  # last, when no other is open any more
        hot.end_loan(reopened, None)
    return folded.state
