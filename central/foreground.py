"""A service in the foreground, for a service manager: ended by SIGTERM or Ctrl-C, told of by its own words.

What an operator must mend ends it as one `TurnleafError`, whichever of its tasks met it; any other exception
is a bug, and ends it with a traceback.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator

from wire.errors import TurnleafError


def run_until_signal(service: Callable[[], Coroutine[None, None, None]], name: str) -> int:
    """Run a service until a signal ends it; returns 0. Raises TurnleafError for who must act."""
    try:
        asyncio.run(_until_signal(service, name))
    except BaseExceptionGroup as group:
        told = list(_leaves(group))
        if all(isinstance(one, TurnleafError) for one in told):
            raise told[0] from group
        raise
    return 0


SWITCH_S = 0.0005
"""How long the desk's thread may keep the loop waiting for the interpreter, and the loop the desk: a tenth of
the default, for a third less time from a fact to its answer at 2,000 facts a second (docs/performance.md)."""


def tune() -> None:
    """Set the interpreter up for a service: loop and desk take turns sooner, the collector comes less.

    Nearly all that a service makes is freed by counting references. By the defaults the collector would look
    at a group's entries three times over, and at every module again and again: a sixth of the desk's time.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


async def _until_signal(service: Callable[[], Coroutine[None, None, None]], name: str) -> None:
    tune()
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(service(), name=name)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
