"""Rules of the streams, broken one by one in a copy of the tree; the product has no switch for any of them."""

from fire import Patch

SLOW_COMMIT: Patch = (
    "central/desk_transactions.py",
    "            self._hot.commit()",
    "            import time\n            time.sleep(0.4)\n            self._hot.commit()",
)
"""A commit that takes a while, as on a slow disk: what is said before it has time to do harm."""

CONTROL: tuple[Patch, ...] = (SLOW_COMMIT,)

RESUME_BEFORE_COMMIT: Patch = (
    "central/inbound.py",
    "        self._desk.hand_over(FromStation(station, upward)",
    "        from wire.messages.stream import Entry, Resume\n"
    "        if isinstance(upward, Entry) and upward.to == self._desk.ledger.boot:\n"
    "            self._post('resume', station, Resume(stream=upward.stream, link=upward.link,\n"
    "                central=upward.to, upto=upward.seq, id=upward.id, high=0, high_id=''))\n"
    "        self._desk.hand_over(FromStation(station, upward)",
)
FORGETS_ON_PUBACK: Patch = (
    "wire/streams/station.py",
    "return Station(held, replace(talk, sent=max(last, talk.sent))), (Send(after + 1, last),)",
    "return Station(replace(held, confirmed=last), replace(talk, sent=last)),"
    " (Send(after + 1, last), Confirm(last))",
)
ANY_NUMBER: Patch = (
    "wire/streams/central.py",
    "if entry.seq != row.upto + 1 or entry.prev_id != row.id:",
    "if False:",
)
NOT_COMPARED: tuple[Patch, ...] = (
    ANY_NUMBER,
    (
        "central/ledger/hot_sqlite_streams.py",
        "self._run(self._sql.move, (to, to_id, at, stream, prev, prev_id))",
        'self._run("UPDATE stream SET upto=?, id=?, last_at=? WHERE stream=?", (to, to_id, at, stream))',
    ),
)
MEANT_FOR_ANOTHER: Patch = ("wire/streams/central.py", "if entry.to != boot or row.parked:", "if row.parked:")
"""What was sent to a central that is gone is taken. Between real processes this rule and the comparison of
`upto` stand for one another: each alone keeps the order, so chaos sees them missing only together."""
NO_DEDUPE: tuple[Patch, ...] = (
    MEANT_FOR_ANOTHER,
    ANY_NUMBER,
    (
        "wire/streams/central.py",
        "return TakeKnown(after, clash) if known_id else Take(after, clash)",
        "return Take(after, clash)",
    ),
)
EPOCH_NOT_COMPARED: Patch = (
    "central/ledger/hot_sqlite_streams.py",
    "if epoch != self.epoch:",
    "if False:",
)
LATE_CHECKIN_ENDS_THE_NEWEST: Patch = (
    "central/desk_return.py",
    "    if not row.state.before(scene.at, scene.fact):\n",
    "    if False:\n",
)

MUTANTS: dict[str, tuple[Patch, ...]] = {
    "no dedupe": NO_DEDUPE,
    "resume before the commit": (RESUME_BEFORE_COMMIT,),
    "the outbox forgets on PUBACK": (FORGETS_ON_PUBACK,),
    "upto not compared, nor for whom it is": (MEANT_FOR_ANOTHER, *NOT_COMPARED),
    "epoch not compared": (EPOCH_NOT_COMPARED,),
    "a late checkin ends the newest loan": (LATE_CHECKIN_ENDS_THE_NEWEST,),
}
