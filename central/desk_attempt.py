"""Work of the desk that fails alone: what it did is taken back, and the transaction goes on without it."""

import logging
import traceback
from collections.abc import Callable
from typing import TypeVar

from central.desk_scene import Group
from central.ledger.hot_sqlite import is_trouble
from central.ledger.lock import LeaseLost

log = logging.getLogger("turnleaf.central.desk")

T = TypeVar("T")


def ends_the_desk(error: BaseException) -> bool:
    """Say whether the ledger's file or another central is the reason: then nothing can be carried out."""
    return isinstance(error, LeaseLost) or is_trouble(error)


def attempt(
    group: Group, what: str, work: Callable[[], T], *, keep: Callable[[T], bool] = lambda _: True
) -> T | Exception:
    """Do some work in a savepoint. What fails is taken back, logged after `what`, and its error returned.

    A result that `keep` refuses leaves nothing behind either. Raises what `ends_the_desk`.
    """
    mark = group.mark()
    group.hot.savepoint()
    try:
        result = work()
    except Exception as error:
        if ends_the_desk(error):
            raise
        _undo(group, mark)
        where = "".join(
            traceback.format_tb(error.__traceback__)
        )  # its message may quote what a patron borrowed
        log.error("%s: %s\n%s", what, type(error).__name__, where)
        return error
    if keep(result):
        group.hot.release()
    else:
        _undo(group, mark)
    return result


def _undo(group: Group, mark: tuple[int, int]) -> None:
    group.hot.undo()
    group.back(mark)
