"""What a kiosk's daemon does not carry: the edge is small, and knows nothing of central's stores."""

import json
import subprocess
import sys

FOREIGN = (
    "sqlalchemy",
    "alembic",
    "influxdb_client",
    "textual",
    "babel",
    "aiomqtt",
    "central",
    "monitor",
    "sim",
)


def test_the_daemon_loads_nothing_of_central_console_or_simulator() -> None:
    code = "import sys, json, kiosk.daemon_kiosk; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)

    assert [name for name in FOREIGN if name in loaded] == []


def test_the_visit_and_its_view_are_pure() -> None:
    code = "import sys, kiosk.visit, kiosk.view; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()

    assert [
        name for name in ("asyncio", "sqlite3", "paho", "starlette", "uvicorn", "jinja2") if name in loaded
    ] == []
