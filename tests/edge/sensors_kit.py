"""A foreign broker (a real Mosquitto) and a Modbus device (pymodbus's own server) for one test."""

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt

USER, PASSWORD = "turnleaf", "a word for this test"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class ForeignMosquitto:
    """As a library has it: user name and password, MQTT 3.1.1, plain or TLS."""

    def __init__(self, folder: Path, *, tls: tuple[Path, Path] | None = None) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        passwords = folder / "passwords"
        subprocess.run(
            ["mosquitto_passwd", "-b", "-c", str(passwords), USER, PASSWORD], check=True, capture_output=True
        )
        passwords.chmod(0o600)
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous false", f"password_file {passwords}"]
        if tls is not None:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
        if os.geteuid() == 0:
            lines.append("user root")
        self._argv = [program, "-c", str(folder / "foreign.conf")]
        (folder / "foreign.conf").write_text("\n".join(lines) + "\n")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(*self._argv, stdout=quiet, stderr=quiet)
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()

    async def say(self, topic: str, payload: str, *, retain: bool = False, ca: Path | None = None) -> None:
        """Publish as a sensor does."""
        tls = ssl.create_default_context(cafile=str(ca)) if ca else None
        client = aiomqtt.Client("127.0.0.1", self.port, username=USER, password=PASSWORD, tls_context=tls)
        async with client:
            await client.publish(topic, payload.encode(), qos=1, retain=retain)


@asynccontextmanager
async def foreign(folder: Path, *, tls: tuple[Path, Path] | None = None) -> AsyncIterator[ForeignMosquitto]:
    one = ForeignMosquitto(folder, tls=tls)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def modbus_server(registers: list[int], port: int = 0) -> AsyncIterator[int]:
    """Run pymodbus's server with these registers from address 0 in all tables; yields its port."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    port = port or free_port()
    device = SimDevice(1, simdata=[SimData(0, values=registers, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield port
    finally:
        await server.shutdown()
