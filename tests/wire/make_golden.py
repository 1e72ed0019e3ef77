"""Writes the golden payloads anew: `python tests/wire/make_golden.py`. Review the difference, then commit it."""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).parents[2]))

from wire.messages import asks, facts, states, stream
from wire.messages.base import Message
from wire.topics import TABLE

FOLDER = Path(__file__).parents[1] / "data" / "golden"

AT = datetime(2026, 5, 4, 9, 30, 0, 250_000, tzinfo=UTC)
WHEN: dict[str, Any] = {
    "at": AT,
    "clock": "synced",
    "boot": "b00700000000000000000000000000aa",
    "mono": 86_400_123,
}
STREAM = "57ea0000000000000000000000000001"
LINK = "11440000000000000000000000000002"
CENTRAL = "ce470000000000000000000000000003"
REQUEST = "4e900000000000000000000000000004"
EARLIER = "ea410000000000000000000000000005"
ASK = "a5400000000000000000000000000006"
ITEM = "38888000123456"
CARD = "29999000765432"

REFUSAL = stream.Refusal(code="limit-reached", params={"limit": 20}, next_step="return-first")
ANSWER = stream.Answer(
    request=REQUEST,
    link=LINK,
    central=CENTRAL,
    outcome="granted",
    at=AT,
    item=ITEM,
    due=date(2026, 6, 1),
    title="The Left Hand of Darkness",
)
PART = states.Part(
    part="pad",
    state="degraded",
    since=AT,
    make="FEIG",
    model="ID ISC.LRM1002",
    firmware="01.03.00",
    serial="12345678",
    seen="3 of 10 reads failed",
)
CHECKOUT = facts.Checkout(visit="7151", card=CARD, item=ITEM, parts_seen=2, **WHEN)
ENVELOPE: dict[str, Any] = {
    "stream": STREAM,
    "link": LINK,
    "to": CENTRAL,
    "seq": 7,
    "id": REQUEST,
    "prev_id": EARLIER,
}

SAMPLES: dict[str, Message] = {
    "fact.hello": stream.Hello(
        stream=STREAM, link=LINK, first=1, last=7, last_id=REQUEST, seen=EARLIER
    ),
    "fact.entry": stream.Entry(body=json.loads(CHECKOUT.encode()), **ENVELOPE),
    "fact.entry-answered": stream.Entry(body=json.loads(CHECKOUT.encode()), answer=ANSWER, **ENVELOPE),
    "fact.void": stream.Void(reason="too large: 50001 bytes", **ENVELOPE),
    "fact.lost": stream.Lost(stream=STREAM, link=LINK, to=CENTRAL, after=3, upto=5, id=EARLIER),
    "resume": stream.Resume(
        stream=STREAM, link=LINK, central=CENTRAL, upto=6, id=EARLIER, high=7, high_id=REQUEST, parked=False
    ),
    "answer.granted": ANSWER,
    "answer.refused": stream.Answer(
        request=REQUEST, central=CENTRAL, outcome="refused", at=AT, item=ITEM, refusal=REFUSAL
    ),
    "body.began": facts.Began(parents=(STREAM,), first=2, last=7, reason="fork", **WHEN),
    "body.checkout": CHECKOUT,
    "body.renew": facts.Renew(visit="7151", card=CARD, item=ITEM, **WHEN),
    "body.withdrawn": facts.Withdrawn(request=REQUEST, reason="timeout", **WHEN),
    "body.tag-written": facts.TagWritten(request=REQUEST, item=ITEM, afi=0xC2, **WHEN),
    "body.tag-written-no-afi": facts.TagWritten(request=REQUEST, item=ITEM, **WHEN),
    "body.tag-unknown": facts.TagUnknown(request=REQUEST, item=ITEM, **WHEN),
    "body.checkin": facts.Checkin(item=ITEM, via="bin", **WHEN),
    "body.secured": facts.Secured(checkin=EARLIER, item=ITEM, outcome="verified", afi=0x07, **WHEN),
    "body.passage": facts.Passage(
        direction="out", verdict="alarm", degraded=True, foreign=1, silent=2,
        items=(facts.PassedItem(item=ITEM, secured=True, verdict="alarm", case="lent-but-secured"),), **WHEN,
    ),
    "body.count": facts.Count(since=AT, entered=12, left=9, **WHEN),
    "body.incident": facts.Incident(what="bin-full", detail="weight 40 kg", **WHEN),
    "ask.account": asks.AskAccount(ask=ASK, card=CARD, pin="0000"),
    "ask.item": asks.AskItem(ask=ASK, item=ITEM),
    "ask.snapshot": asks.AskSnapshot(ask=ASK),
    "ask.changes": asks.AskChanges(ask=ASK, after=41),
    "ask.verdict": asks.AskVerdict(ask=ASK, item=ITEM),
    "answer.account": asks.Account(
        ask=ASK, known=True, greeting="Ada", language="en", loans=3, limit=20, refusal=REFUSAL
    ),
    "answer.item": asks.ItemSeen(
        ask=ASK, item=ITEM, known=True, title="Kindred", media="book", on_loan=True, due=date(2026, 6, 1)
    ),
    "answer.verdict": asks.VerdictSaid(ask=ASK, item=ITEM, on_loan=True),
    "items.page": asks.ItemsPage(
        ask=ASK, snapshot="5a40", page=0, pages=1, n=41, records="ASNFZ4mrze8AAAABAQ=="
    ),
    "changes": asks.ItemChanges(
        central=CENTRAL, first=42, n=42, at=AT, changes=(asks.ItemChange(h="0123456789abcdef", v=2, s="loan"),)
    ),
    "reply": states.CommandReply(command="c0", outcome="done", detail="open"),
    "status": states.Status(
        state="online", boot=WHEN["boot"], at=AT, kind="kiosk", version="0.1.0", mono=5, heartbeat_s=30
    ),
    "parts": states.Parts(boot=WHEN["boot"], at=AT, parts=(PART,)),
    "work": states.Work(
        boot=WHEN["boot"], at=AT, service="returns-only", reason="outbox at 80 %", outbox_open=3,
        outbox_oldest=AT, outbox_fill=0.81, items_n=41,
    ),
    "sample": states.Sample(n=9, values={"response_ms": 11.5, "read_rate": 0.97}, **WHEN),
    "command": states.Command(command="c0", until=AT, verb="close", text="Closed for stocktaking"),
    "central": states.CentralStatus(
        state="online", boot=CENTRAL, at=AT, version="0.1.0", reconnect_window_s=1.5
    ),
    "fleet": states.FleetEntry(
        station="k1", branch="main", kind="kiosk", name="By the door", glyph="look", word="pad weak", since=AT,
        at=AT, boot=WHEN["boot"], version="0.1.0", service="open", outbox_open=3, outbox_oldest=AT,
        loans_today=40, returns_today=38, parts=(PART,), values={"pad.response_ms": 11.5},
    ),
    "alarm": states.AlarmState(
        alarm="a1", station="k1", branch="main", part="pad", rule="device-lost", severity="act",
        state="acknowledged", since=AT, at=AT, seen="no answer for 5 s", why="nothing can be lent here",
        do="look at the cable", by="ops", note="on my way",
    ),
    "occupancy": states.Occupancy(branch="main", at=AT, entered=120, left=80, inside=40),
    "feed": states.FeedEvent(boot=CENTRAL, n=77, at=AT, station="k1", event="refused", detail="limit-reached"),
    "request": states.Operate(request="r1", until=AT, args={"station": "k1", "minutes": 60}),
    "response": states.Operated(
        request="r1", outcome="done", detail="", rows=({"at": "2026-05-04T09:30:00.250Z", "value": 1.5},)
    ),
}  # fmt: skip


def wanted() -> set[type[Message]]:
    """Return every payload of the table of topics, and every body of an entry."""
    union, _ = get_args(facts.Body)
    return {payload for row in TABLE for payload in row.payload} | set(get_args(union))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, message in sorted(SAMPLES.items()):
        text = json.dumps(json.loads(message.encode()), indent=2, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
