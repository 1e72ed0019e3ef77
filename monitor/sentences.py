"""Messages in plain words: one English sentence for a topic and its payload. Pure.

For people who follow what happens: staff at the console's events, newcomers at the demo. A sentence
names stations and items, never a patron or a card; what it does not know it names by its schema.
"""

from collections.abc import Callable, Mapping
from typing import Any

Body = Mapping[str, Any]


def sentence(levels: tuple[str, ...], body: Body) -> str:
    """Return the sentence for a message; `levels` is its topic below the root, split at `/`."""
    kind = str(body.get("schema") or body.get("kind") or "")
    inner = body.get("body")
    if kind == "entry" and isinstance(inner, Mapping):
        told = _ENTRIES.get(str(inner.get("schema")))
        return told(_station(levels), inner) if told else f"{_station(levels)} tells: {inner.get('schema')}."
    told = _MESSAGES.get(kind)
    if told is not None:
        return told(_station(levels), body)
    if not body:
        return f"{'/'.join(levels)} is emptied."
    return f"{_station(levels)}: {kind or 'a message'}."


def _station(levels: tuple[str, ...]) -> str:
    if len(levels) > 1 and levels[0] in ("up", "down", "req", "rsp"):
        return levels[1]
    if len(levels) > 3 and levels[0] == "pub":
        return levels[3]
    return "Central" if levels[:1] == ("central",) else "/".join(levels)


Teller = Callable[[str, Body], str]

_ENTRIES: dict[str, Teller] = {
    "began/1": lambda who, body: f"{who} begins a new record of what happens ({body.get('reason')}).",
    "checkout/1": lambda who, body: f"{who} asks to lend item {body.get('item')}.",
    "renew/1": lambda who, body: f"{who} asks to renew item {body.get('item')}.",
    "withdrawn/1": lambda who, body: f"{who} takes a request back: {body.get('reason')}.",
    "tag-written/1": lambda who, body: (
        f"{who} has unlocked item {body.get('item')} and read it back: AFI {_hex(body.get('afi'))}."
    ),
    "tag-unknown/1": lambda who, body: f"{who} cannot say whether item {body.get('item')} is unlocked.",
    "checkin/1": lambda who, body: f"Item {body.get('item')} came back at {who}.",
    "secured/1": lambda who, body: (
        f"{who} has locked item {body.get('item')} and read it back: AFI {_hex(body.get('afi'))}."
        if body.get("outcome") == "verified"
        else f"{who} could not lock item {body.get('item')}: {body.get('outcome')}."
    ),
    "passage/1": lambda who, body: _passage(who, body),
    "count/1": lambda who, body: f"{who} counted {body.get('entered')} in and {body.get('left')} out.",
    "incident/1": lambda who, body: f"{who} reports: {str(body.get('what')).replace('-', ' ')}.",
}


def _hex(value: Any) -> str:
    return f"{value:02X}" if isinstance(value, int) else "unknown"


def _passage(who: str, body: Body) -> str:
    direction = {"in": "came in", "out": "went out"}.get(str(body.get("direction")), "passed")
    blind = " (its copy is old: the tag decided)" if body.get("degraded") else ""
    match body.get("verdict"):
        case "alarm":
            return f"{who} sounds: something that is not lent {direction}{blind}."
        case "soft-alarm":
            return f"{who} notes: an unlocked item that is not lent {direction}{blind}."
    return f"Somebody {direction} through {who}; all is well{blind}."


def _answer(who: str, body: Body) -> str:
    item = body.get("item") or "the item"
    if body.get("outcome") == "granted":
        word = "renewed" if body.get("renewed") else "lent"
        return f"Central to {who}: {item} is {word} until {body.get('due')}."
    refusal = body.get("refusal")
    code = refusal.get("code", "refused") if isinstance(refusal, Mapping) else "refused"
    return f"Central to {who}: {item} is not lent ({code})."


def _account(who: str, body: Body) -> str:
    if not body.get("known"):
        return f"Central to {who}: this card is not known."
    if body.get("refusal"):
        return f"Central to {who}: this patron may not borrow now."
    return f"Central to {who}: the card is good; {body.get('loans', 0)} items are out on it."


def _alarm(who: str, body: Body) -> str:
    state = str(body.get("state", "")).replace("-", " ")
    return f"Alarm ({state}): {body.get('seen')}"


_FEED: dict[str, str] = {
    "checkout": "An item was lent at {who}",
    "renew": "A loan was renewed at {who}",
    "refused": "{who} did not lend an item",
    "withdrawn": "{who} took a loan back",
    "checkin": "An item came back at {who}",
    "passage": "Somebody passed {who}",
    "gate-alarm": "{who} sounded",
    "case": "A case was opened at {who}",
    "alarm-raised": "An alarm stands at {who}",
    "alarm-cleared": "An alarm is over at {who}",
    "station-online": "{who} is there",
    "station-lost": "{who} is gone",
}


def feed_sentence(station: str, event: str, detail: str = "") -> str:
    """Return the sentence for one event of a branch's feed; `detail` is a code."""
    told = _FEED.get(event, "{who}: " + event.replace("-", " ")).format(who=station)
    return f"{told} ({detail.replace('-', ' ')})." if detail else f"{told}."


def _fleet(who: str, body: Body) -> str:
    return f"{body.get('name') or who} is {body.get('word')}."


_MESSAGES: dict[str, Teller] = {
    "hello": lambda who, body: (
        f"{who} says what it holds: entries {body.get('first')} to {body.get('last')}."
    ),
    "void": lambda who, body: f"{who} gives up entry {body.get('seq')}: {body.get('reason')}.",
    "lost": lambda who, body: f"{who} no longer has entries {body.get('after')} to {body.get('upto')}.",
    "resume/1": lambda who, body: f"Central to {who}: I have everything up to {body.get('upto')}.",
    "answer/1": _answer,
    "account/1": _account,
    "item/1": lambda who, body: f"Central to {who}: what item {body.get('item')} is.",
    "verdict/1": lambda who, body: f"Central to {who}: whether item {body.get('item')} is on loan.",
    "ask-account/1": lambda who, _: f"{who} asks whose card this is.",
    "ask-item/1": lambda who, body: f"{who} asks what item {body.get('item')} is.",
    "ask-snapshot/1": lambda who, _: f"{who} asks for the state of all items.",
    "ask-changes/1": lambda who, body: f"{who} asks for item changes after {body.get('after')}.",
    "ask-verdict/1": lambda who, body: f"{who} asks whether item {body.get('item')} is on loan.",
    "items-page/1": lambda who, body: (
        f"Central to {who}: the items' state, page {body.get('page', 0) + 1} of {body.get('pages')}."
    ),
    "item-changes/1": lambda _, body: f"Central to all gates: {len(body.get('changes', ()))} item changed.",
    "status/1": lambda who, body: f"{who} is {body.get('state')}.",
    "parts/1": lambda who, body: f"{who} tells of its parts: {_parts(body)}.",
    "work/1": lambda who, body: f"{who} is {body.get('service')}; {body.get('outbox_open')} facts wait.",
    "sample/1": lambda who, body: f"{who} measures: {_values(body)}.",
    "central-status/1": lambda _, body: f"Central is {body.get('state')}.",
    "command/1": lambda who, body: f"Central tells {who} to {body.get('verb')}.",
    "command-reply/1": lambda who, body: f"{who}: the command is {body.get('outcome')}.",
    "fleet/1": _fleet,
    "alarm/1": _alarm,
    "occupancy/1": lambda _, body: f"{body.get('inside')} people are in {body.get('branch')}.",
    "feed/1": lambda _, body: feed_sentence(
        str(body.get("station")), str(body.get("event")), str(body.get("detail") or "")
    ),
    "operate/1": lambda who, _: f"{who} asks central for something.",
    "operated/1": lambda who, body: f"Central to {who}: {body.get('outcome')}.",
}


def _parts(body: Body) -> str:
    return ", ".join(f"{part.get('part')} {part.get('state')}" for part in body.get("parts", ()))


def _values(body: Body) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in body.get("values", {}).items())
