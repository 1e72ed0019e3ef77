"""A real InfluxDB for one test. Where none can be had the test says so loudly; with CI=true it fails.

async with running_influx(tmp_path) as server:
    store = InfluxStore(server.settings())
    server.kill(); await server.start()          # SIGKILL, and back on the same port
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sim.influx import Influx, NoInflux, influxd


@contextlib.asynccontextmanager
async def running_influx(folder: Path, **more: int) -> AsyncIterator[Influx]:
    """Run a server for the length of a `with`."""
    try:
        program = await asyncio.to_thread(influxd)
    except NoInflux as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    server = Influx(program, folder / "influx", **more)
    try:
        await server.start()
        yield server
    finally:
        await asyncio.to_thread(server.stop)
