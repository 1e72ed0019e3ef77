"""`python bare_libraries.py FOLDER PORT [--page]`: the libraries of a station, connected, and nothing of ours.

asyncio, ssl, sqlite3, paho-mqtt and pydantic with one model, a TLS connection to the broker at PORT with the
certificate in FOLDER, and a database: prints the resident memory of that in MB (10^6 bytes). With `--page` a
kiosk's: uvicorn and a router of Starlette have served one page, made from one template of Jinja.
"""

import asyncio
import ctypes
import gc
import sqlite3
import ssl
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
import pydantic


class Model(pydantic.BaseModel):
    """One model: pydantic loads most of itself with the first."""

    at: int


async def page() -> "asyncio.Task[None]":
    """Serve one page once, and go on serving."""
    import jinja2
    import uvicorn
    from starlette.requests import Request
    from starlette.responses import HTMLResponse
    from starlette.routing import Route, Router

    template = jinja2.Environment(autoescape=True).from_string("<h1>{{ word }}</h1>")

    async def show(_: Request) -> HTMLResponse:
        return HTMLResponse(template.render(word="Welcome"))

    config = uvicorn.Config(
        Router([Route("/", show)]),
        port=0,
        log_config=None,
        access_log=False,
        lifespan="off",
        http="h11",
        ws="none",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    if b"<h1>Welcome</h1>" not in await reader.read():
        raise SystemExit("the page was not served")
    writer.close()
    return serving


async def main(folder: Path, port: int, *, with_page: bool) -> None:
    """Connect, write a row, and tell."""
    serving = await page() if with_page else None
    Model.model_validate_json('{"at": 1}')
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=folder.name, protocol=mqtt.MQTTv5)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "ca.pem")
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    client.tls_set_context(context)
    client.connect("127.0.0.1", port)
    while not client.is_connected():
        client.loop(0.1)
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE IF NOT EXISTS bare (n)")
    db.execute("INSERT INTO bare VALUES (1)")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    rss_kb = next(int(line.split()[1]) for line in lines if line.startswith("Rss"))
    print(round(rss_kb * 1024 / 1e6, 2))
    if serving is not None:
        serving.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), with_page="--page" in sys.argv))
