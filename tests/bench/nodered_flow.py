"""The flow that somebody would draw in Node-RED for a kiosk's loans, and the settings to run it headless.

MQTT in (QoS 1) → a function node that checks the message → the SQLite node (one prepared upsert, WAL, synchronous
FULL) → a function node that makes the answer → MQTT out. It speaks as `docs/reference/fact-bytes.md` tells, so
that the same stations can talk to it. A resume is said for each fact that has no answer, and for every fourth
other; our central says one for a group.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

CLIENT = "node-red"
CHECK = """
const m = msg.payload, down = 'turnleaf/v1/down/' + msg.topic.split('/')[3];
const last = context.get('last') || {};
const text = (v) => typeof v === 'string' && v.length >= 1 && v.length <= 64;
const resume = (upto, id) => ({topic: down + '/resume', payload: {schema: 'resume/1', stream: m.stream, link: m.link,
    central: 'node-red', upto: upto, id: id, high: 0, high_id: '', parked: false}});
if (typeof m !== 'object' || m === null || !text(m.stream) || !text(m.link)) return null;
if (m.kind === 'hello') { last[m.stream] = m.last; context.set('last', last); return [null, resume(0, '')]; }
const b = m.body;
if (m.kind !== 'entry' || !Number.isInteger(m.seq) || m.seq < 1 || !text(m.id) || typeof b !== 'object' || b === null)
    return null;
if (typeof b.at !== 'string' || Number.isNaN(Date.parse(b.at)) || !['synced', 'free'].includes(b.clock)
    || !text(b.boot) || !Number.isInteger(b.mono) || b.mono < 0) return null;
const asks = b.schema === 'checkout/1';
if (asks && !(text(b.visit) && text(b.card) && text(b.item))) return null;
if (b.schema === 'checkin/1' && !text(b.item)) return null;
if (b.schema === 'passage/1' && !['in', 'out'].includes(b.direction)) return null;
if (!['checkout/1', 'checkin/1', 'passage/1'].includes(b.schema)) return null;
msg.params = {$id: m.id, $stream: m.stream, $seq: m.seq, $schema: b.schema, $at: b.at, $card: b.card || null,
    $item: b.item || null, $body: JSON.stringify(b)};
msg.said = [];
if (asks) msg.said.push({topic: down + '/answer', payload: {schema: 'answer/1', request: m.id, link: m.link,
    central: 'node-red', outcome: 'granted', at: b.at, item: b.item, due: '2027-01-31', renewed: false, title: ''}});
if (!asks || m.seq % 4 === 0 || m.seq === last[m.stream]) msg.said.push(resume(m.seq, m.id));
return [msg, null];
"""
ANSWER = "return [msg.said];"
UPSERT = (
    "INSERT INTO fact (id, stream, seq, schema, at, card, item, body)"
    " VALUES ($id, $stream, $seq, $schema, $at, $card, $item, $body)"
    " ON CONFLICT (id) DO UPDATE SET at = excluded.at, body = excluded.body"
)
SETTINGS = """
module.exports = {
    flowFile: 'flows.json', uiHost: '127.0.0.1', uiPort: %d, httpAdminRoot: false, disableEditor: true,
    credentialSecret: false, logging: {console: {level: 'info', metrics: false, audit: false}},
};
"""


def nodes(broker_port: int, database: Path) -> list[dict[str, object]]:
    """Return the flow, as Node-RED keeps it."""
    on = {"z": "flow", "x": 100, "y": 100}
    broker = {
        "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(broker_port), "clientid": CLIENT,
        "autoConnect": True, "usetls": False, "protocolVersion": "5", "keepalive": "60", "cleansession": False,
        "autoUnsubscribe": False, "sessionExpiry": "3600",
    }  # fmt: skip
    return [
        {"id": "flow", "type": "tab", "label": "loans"},
        broker,
        {"id": "db", "type": "sqlitedb", "db": str(database), "mode": "RW"},
        {"id": "start", "type": "inject", **on, "props": [{"p": "topic", "vt": "str"}], "once": True, "onceDelay": 0,
         "topic": "PRAGMA synchronous=FULL", "repeat": "", "wires": [["pragma"]]},
        {"id": "pragma", "type": "sqlite", **on, "mydb": "db", "sqlquery": "batch", "sql": "", "wires": [[]]},
        {"id": "in", "type": "mqtt in", **on, "topic": "turnleaf/v1/up/+/fact", "qos": "1", "datatype": "json",
         "broker": "broker", "nl": False, "rap": True, "rh": 0, "inputs": 0, "wires": [["check"]]},
        {"id": "check", "type": "function", **on, "func": CHECK, "outputs": 2, "wires": [["store"], ["out"]]},
        {"id": "store", "type": "sqlite", **on, "mydb": "db", "sqlquery": "prepared", "sql": UPSERT,
         "wires": [["answer"]]},
        {"id": "answer", "type": "function", **on, "func": ANSWER, "outputs": 1, "wires": [["out"]]},
        {"id": "out", "type": "mqtt out", **on, "topic": "", "qos": "0", "retain": "", "broker": "broker", "wires": []},
    ]  # fmt: skip


def write(folder: Path, broker_port: int, http_port: int) -> Path:
    """Write flow, settings and an empty database; return the database."""
    folder.mkdir()
    database = folder / "facts.db"
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(
            "CREATE TABLE fact (id TEXT PRIMARY KEY, stream TEXT NOT NULL, seq INTEGER NOT NULL, schema TEXT NOT NULL,"
            " at TEXT NOT NULL, card TEXT, item TEXT, body TEXT NOT NULL)"
        )
        db.commit()
    (folder / "settings.js").write_text(SETTINGS % http_port)
    (folder / "flows.json").write_text(json.dumps(nodes(broker_port, database)))
    return database


def ids(database: Path) -> set[str]:
    """Return the facts that are in the database."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return {row[0] for row in db.execute("SELECT id FROM fact")}
