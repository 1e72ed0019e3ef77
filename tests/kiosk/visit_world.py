"""A world around the visit: carries effects out at once or when told, and keeps what is true of tags and loans."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count

from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.visit import step
from kiosk.visit_offer import offers
from wire.messages.asks import Account
from wire.messages.stream import Answer, Refusal

DUE = date(2027, 5, 3)
AT = datetime(2027, 4, 5, 9, 0, tzinfo=UTC)
TITLES = {"31001": "The Hobbit", "31002": "Momo", "31003": "Dune"}


@dataclass
class World:
    """One kiosk; `tags` is the memory of the tags, `ledger` what has been committed."""

    kiosk: s.Kiosk = field(default_factory=s.Kiosk)
    now: float = 0.0
    secured: dict[str, bool] = field(default_factory=dict)
    committed: list[e.Effect] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    waiting: list[e.Effect] = field(default_factory=list)
    """Effects whose outcome has not been brought yet."""
    answers: list[str] = field(default_factory=list)
    """Requests that wait for central's answer."""
    ids: "count[int]" = field(default_factory=lambda: count(1))
    items: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    log: list[object] = field(default_factory=list)

    def tell(self, event: e.Event) -> None:
        self.kiosk, effects = step(self.kiosk, event)
        self.log.append(event)
        for effect in effects:
            self.log.append(effect)
            if isinstance(effect, e.Sound):
                self.sounds.append(effect.tone)
            elif not isinstance(effect, e.Ended):
                self.waiting.append(effect)

    def carry_out(self, *, write: str = "verified", account: Account | None = None) -> None:
        """Bring the outcome of each waiting effect, in order, until none is left."""
        while self.waiting:
            self.carry_one(self.waiting.pop(0), write=write, account=account)

    def carry_one(self, effect: e.Effect, *, write: str = "verified", account: Account | None = None) -> None:
        match effect:
            case e.AskAccount(visit):
                said = account or Account(ask="a", known=True, greeting="Greta", language="en")
                self.tell(e.AccountSaid(self.now, visit, said))
            case e.AskTitle(item):
                self.tell(e.TitleKnown(self.now, item, TITLES.get(item)))
            case e.Lend(visit, _, item):
                request = f"r{next(self.ids)}"
                self.items[request] = item
                self.answers.append(request)
                self.committed.append(effect)
                self.tell(e.Requested(self.now, visit, item, request))
            case e.CheckIn(item):
                checkin = f"c{next(self.ids)}"
                self.items[checkin] = item
                self.committed.append(effect)
                self.tell(e.CheckedIn(self.now, item, checkin))
            case e.WriteTags(key, _, uids, secured):
                if write in ("verified", "unknown"):
                    self.secured.update(dict.fromkeys(uids, secured))
                self.tell(e.WriteEnded(self.now, key, write, 0x07 if secured else 0xC2))
            case e.Withdraw(key) | e.NoteWritten(key) | e.NoteUnknown(key) | e.NoteSecured(key):
                self.committed.append(effect)
                self.tell(e.Noted(self.now, key))

    def answer(self, request: str, *, renewed: bool = False) -> None:
        """Central answers; a refusal where the world holds one for the item."""
        item = self.items[request]
        refusal = self.refusals.get(item)
        self.tell(
            e.Answered(
                self.now,
                Answer(
                    request=request,
                    central="c",
                    outcome="refused" if refusal else "granted",
                    at=AT,
                    item=item,
                    due=None if refusal else DUE,
                    renewed=renewed,
                    title=TITLES.get(item),
                    refusal=refusal,
                ),
            )
        )

    def settle(self, *, write: str = "verified", renewed: bool = False) -> None:
        """Carry everything out and answer everything, until nothing is under way."""
        while self.waiting or self.answers:
            self.carry_out(write=write)
            while self.answers:
                self.answer(self.answers.pop(0), renewed=renewed)

    # --- what people do ---

    def card(self, number: str = "PAT-7001") -> None:
        self.tell(e.CardPlaced(self.now, number, f"v{next(self.ids)}"))
        self.carry_out()

    def take_card(self) -> None:
        self.tell(e.CardRemoved(self.now))

    def lay(self, item: str, *, part: int = 1, parts: int = 1) -> None:
        uid = f"E004{item}{part}"
        tag = s.Ours(item, self.secured.setdefault(uid, True), part, parts)
        self.tell(e.TagPlaced(self.now, uid, tag))

    def lift(self, item: str, *, part: int = 1) -> None:
        self.tell(e.TagRemoved(self.now, f"E004{item}{part}"))

    def wait(self, seconds: float) -> None:
        """Let time pass in small ticks."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + 0.25, until)
            self.tell(e.Tick(self.now))

    def press(self, button: str, value: str = "") -> None:
        self.tell(e.Pressed(self.now, button, value))

    def go(self) -> None:
        """Leave as fast as the screen lets one: over, through whatever question stands there."""
        for button, value in (("help", "off"), ("finish", ""), ("start-over", "")):
            if (button, value) in offers(self.kiosk):
                self.press(button, value)

    def stage(self, item: str) -> s.Stage | None:
        visit = self.kiosk.visit
        rows = visit.rows if isinstance(visit, s.Listing) else ()
        return next((row.stage for row in rows if row.item == item), None)

    def notes(self) -> list[e.Effect]:
        return [effect for effect in self.committed if not isinstance(effect, e.Lend | e.CheckIn)]
