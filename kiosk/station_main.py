"""How an edge daemon is started and ended: logs, signals, the word to the service manager.

SIGTERM and SIGINT cancel the main task, which says goodbye and closes its files. A setting or a
certificate that an operator must mend ends the daemon with its own sentence; any other exception is a
bug, and ends it with a traceback for the service manager to restart.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine

from kiosk.config_station import StationSettings
from wire import logs
from wire.errors import TurnleafError

log = logging.getLogger("turnleaf.kiosk.daemon")


def run_daemon(settings: StationSettings, main: Callable[[], Coroutine[None, None, None]]) -> int:
    """Run `main` until a signal ends it; return the exit code. Raises TurnleafError for who must act."""
    logs.setup(settings.log.level, as_json=settings.log.as_json)
    try:
        asyncio.run(_until_signal(main))
    except BaseExceptionGroup as group:
        error = first_of(group)
        if error is None:
            raise
        raise error from group
    return 0


def ready(name: str) -> None:
    """Tell the log and the service manager (sd_notify) that the daemon works."""
    log.info("%s is ready", name)
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect("\0" + address[1:] if address.startswith("@") else address)
            notify.send(b"READY=1")


def first_of(group: BaseExceptionGroup[BaseException]) -> TurnleafError | None:
    """Return the one TurnleafError of a group; None when anything else is in it."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        else:
            leaves.append(one)
    told = [leaf for leaf in leaves if isinstance(leaf, TurnleafError)]
    return told[0] if len(told) == len(leaves) else None


async def _until_signal(main: Callable[[], Coroutine[None, None, None]]) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main(), name="daemon")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("ended")
