"""Loops around others' libraries end when they are cancelled, whatever the library made of it."""

import asyncio


def end_if_cancelled() -> None:
    """Raise CancelledError when this task was cancelled and somebody below swallowed it.

    `asyncio.wait_for` before Python 3.12 gives the result instead when both come in one turn of the loop
    (python/cpython#86296); aiomqtt and pymodbus wait with it. Called after each wait of theirs.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
