"""The mutants of docs/streams.md §4: one rule taken out of a copy of the tree, and the history that shows it.

Each patch is (file, old text, new text); the old text must stand in the file exactly once, or the test
says so. Mutants of what the desk does are taken out of `reference_central`, its short form.
"""

from dataclasses import dataclass

STATION = "wire/streams/station.py"
CENTRAL = "wire/streams/central.py"
OUTBOX = "wire/edge/outbox.py"
STORE = "wire/edge/store.py"
EDGE = "wire/edge/edge.py"
ROWS = "wire/edge/rows.py"
REFERENCE = "tests/wire/reference_central.py"

Patch = tuple[str, str, str]


@dataclass(frozen=True)
class Mutant:
    number: int
    removed: str
    breaks: str
    trace: str
    patches: tuple[Patch, ...]


_NO_CAS: Patch = (REFERENCE, "if moved.rowcount == 0:", "if False:")
_BLIND_UPDATE: Patch = (
    REFERENCE,
    "WHERE stream = ? AND upto = ? AND id = ?",
    "WHERE stream = ? AND ? >= 0 AND ? != '-'",
)
_NO_EPOCH: Patch = (REFERENCE, 'if self.one("SELECT epoch FROM lease")[0] != self.epoch:', "if False:")
_NO_INDEX: Patch = (
    REFERENCE,
    '"INSERT INTO journal VALUES (?, ?, ?, ?)", (message.id,',
    '"INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?)", (message.id,',
)
_KNOWN_IS_TAKEN: Patch = (
    CENTRAL,
    "return TakeKnown(after, clash) if known_id else Take(after, clash)",
    "return Take(after, clash)",
)
_NO_LATER: Patch = (REFERENCE, '"refused" if later or patron', '"refused" if patron')

MUTANTS: tuple[Mutant, ...] = (
    Mutant(1, "station judges forks (S3.1)", "false fork", "a_hello_comes_twice", (
        (CENTRAL, "    further = hello.last > row.upto",
         "    if hello.last < row.upto:\n        return RaiseHigh(row._replace(high=row.upto + 1, high_id='fork'))\n"
         "    further = hello.last > row.upto"),
    )),
    Mutant(2, "timer hello (S2)", "stuck", "the_broker_loses_everything", (
        (STATION, "    since = now - talk.hello_at\n", "    return state, ()\n    since = now - talk.hello_at\n"),
    )),
    Mutant(3, "idle hello (S2)", "silent loss", "restored_while_the_station_is_idle", (
        (STATION, "idle = since >= IDLE_S * (1 - 0.2 * event.jitter)", "idle = False"),
    )),
    Mutant(4, "ids in resume (S3.1)", "stuck", "a_clone_writes_as_the_original_does", (
        (STATION, "or (at_upto is not None and at_upto != resume.id)", ""),
        (STATION, "or (at_high is not None and at_high != resume.high_id)", ""),
    )),
    Mutant(5, "prev_id (C2)", "silent loss", "one_clones_entry_on_top_of_the_others", (
        (CENTRAL, " or entry.prev_id != row.id", ""),
    )),
    Mutant(6, "pruned_id", "stuck", "pruned_where_a_clone_has_another_entry", (
        (STATION, "        return held.pruned_id\n", "        return None\n"),
    )),
    Mutant(7, "journal id unique (C2)", "applied twice", "a_fork_sends_what_was_applied", (_KNOWN_IS_TAKEN, _NO_INDEX)),
    Mutant(8, "send all at fork (S4)", "silent loss", "a_fork_after_a_restore", (
        (STATION, "rows = held.last - held.pruned_seq", "rows = held.last - held.confirmed"),
        (STORE, "shift = 1 - self.held.pruned_seq",
         "shift = 1 - self.held.confirmed\n"
         "        self._db.execute('DELETE FROM outbox WHERE seq <= ?', (self.held.confirmed,))"),
    )),
    Mutant(9, "link echo (S3)", "prunes an unapplied row", "an_old_resume_after_a_restore", (
        (STATION, " or resume.link != talk.link or", " or"),
    )),
    Mutant(10, "confirmed may fall (S3.4)", "silent loss", "restored_while_the_station_is_idle", (
        (STATION, "if moved or (first_of_link and resume.upto != held.confirmed):", "if moved:"),
    )),
    Mutant(11, "lost (S3.3)", "silent loss, no case", "pruned_before_a_restore", (
        (STATION, "    if resume.upto < held.pruned_seq:  # S3.3\n", "    if False:\n"),
    )),
    Mutant(12, "high (C1)", "silent loss", "a_claimed_row_is_rolled_back", (
        (CENTRAL, "further = hello.last > row.upto and hello.last > row.high", "further = False"),
    )),
    Mutant(13, "seen-guard on high (C1)", "evidence overwritten", "a_new_claim_over_an_old_one", (
        (CENTRAL, "if further and (row.high <= row.upto or hello.seen == row.high_id):", "if further:"),
    )),
    Mutant(14, "clash at seq = high (C2)", "silent loss", "another_row_under_a_claimed_number", (
        (CENTRAL, "clash = entry.seq == row.high and entry.id != row.high_id", "clash = False"),
    )),
    Mutant(15, "other streams (C1)", "silent loss", "a_station_made_anew", (
        (CENTRAL, "if row.stream != stream and row.high > row.upto", "if False"),
    )),
    Mutant(16, "began opens a case", "fork without case", "pruned_where_a_clone_has_another_entry", (
        (REFERENCE, 'work.statements.append(open_case(f"began:{fact}", json.dumps(body)))', "pass"),
    )),
    Mutant(17, "parked holds upto (C3)", "silent loss", "a_bug_at_central", (
        (REFERENCE, '"UPDATE stream SET parked_id = ? WHERE stream = ?", (message.id, message.stream)',
         '"UPDATE stream SET upto = upto + 1, id = ? WHERE stream = ?", (message.id, message.stream)'),
    )),
    Mutant(18, "commit before resume (C2)", "row pruned, never applied", "central_dies_before_it_commits", (
        (REFERENCE, "                raise Died\n",
         "                self.dies = False\n                self.db.execute('COMMIT')\n"
         "                ahead = resume(self.row(message.stream, work.station), message.link, self.boot)\n"
         "                self.db.execute('DELETE FROM journal WHERE fact_id = ?', (getattr(message, 'id', ''),))\n"
         "                self.db.execute('DELETE FROM effect WHERE fact_id = ?', (getattr(message, 'id', ''),))\n"
         "                self.db.execute('UPDATE stream SET upto = ?, id = ? WHERE stream = ?',"
         " (work.before.upto, work.before.id, message.stream))\n"
         "                return [ahead]\n"),
    )),
    Mutant(19, "PUBACK is nothing", "row pruned, never applied", "pruned_when_published", (
        (STATION, "return Station(held, replace(talk, sent=max(last, talk.sent))), (Send(after + 1, last),)",
         "return Station(replace(held, confirmed=last), replace(talk, sent=last)), (Send(after + 1, last), Confirm(last))"),
    )),
    Mutant(20, "prune only confirmed (S5)", "row pruned, never applied", "pruned_when_published", (
        (OUTBOX, "min(self.held.confirmed, self.held.pruned_seq + at_most)",
         "min(self.held.last, self.held.pruned_seq + at_most)"),
    )),
    Mutant(21, "upto compare-and-set, journal id and epoch", "applied twice", "a_central_that_slept",
           (_NO_CAS, _BLIND_UPDATE, _NO_INDEX, _NO_EPOCH)),
    Mutant(22, "epoch in the commit (L, C2)", "loan, item secured", "asleep_over_a_withdrawal", (_NO_EPOCH,)),
    Mutant(23, "compare-and-set, journal id and epoch", "loan, item secured", "asleep_while_granting",
           (_NO_CAS, _BLIND_UPDATE, _NO_INDEX, _NO_EPOCH)),
    Mutant(24, "boot on entries and answers (C2, L2)", "loan, item secured", "an_old_refusal_after_a_restore", (
        (CENTRAL, "if entry.to != boot or row.parked:", "if row.parked:"),
        (OUTBOX, "central is None or answer.central != central or ", ""),
        (REFERENCE, "isinstance(message, Entry) and message.to == self.boot", "isinstance(message, Entry)"),
    )),
    Mutant(25, "answer sent again with the request (S3.5, L7)", "loan, item secured", "refused_then_restored", (
        (ROWS, "Answer.decode(row.answer) if row.answer is not None and row.kind in REQUESTS else None", "None"),
    )),
    Mutant(26, "`writing` before the tag (L2)", "tag clear, no loan", "a_crash_while_the_tag_is_written", (
        (OUTBOX, "            self._set_phase(answer.request, phase)\n",
         "            self._set_phase(answer.request, phase if phase == 'refused' else 'waiting')\n"),
    )),
    Mutant(27, "`withdrawn` before \"not lent\" (L4)", "loan, item secured", "a_crash_after_the_patron_was_told", (
        (OUTBOX, "            self._append(body, self._fact_id())\n            if moves:",
         "            if body.schema_name != 'withdrawn/1':\n                self._append(body, self._fact_id())\n"
         "            if moves:"),
    )),
    Mutant(28, "withdraw at restart (L5)", "loan, item secured", "a_crash_while_waiting", (
        (EDGE, "for request in sorted(store.unsettled):", "for request in ():"),
    )),
    Mutant(29, "fold: withdrawn keyed by item", "tag clear, no loan", "a_late_withdrawal", (
        (REFERENCE, "SET withdrawn = 1 WHERE request = ?",
         "SET withdrawn = 1 WHERE ended IS NULL AND item = (SELECT item FROM loan WHERE request = ?)"),
        _NO_LATER,
    )),
    Mutant(30, "fold: late checkin ends the open loan", "tag clear, no loan", "a_late_return", (
        (REFERENCE, "back = (checkins or []) + ", "back = [('9999', fact) for _, fact in checkins or []] + "),
    )),
    Mutant(31, "fold: late checkout opens", "loan, item secured", "a_late_checkout", (
        (REFERENCE, "work.statements += self.fold(item, loans=[(at, message.id)])", "pass"),
    )),
    Mutant(32, "fold: implied end not undone", "tag clear, no loan", "a_second_request_withdrawn", (
        (REFERENCE, "work.statements += self.fold(loan[0], without=request)", "pass"),
    )),
    Mutant(33, "withdrawn spares a written tag (L8)", "tag clear, no loan", "a_clone_withdraws_late", (
        (REFERENCE, "if loan[1]:", "if False:"),
    )),
    Mutant(34, "tag report without loan is a case (L9)", "tag clear, no loan", "a_clone_withdraws_early", (
        (REFERENCE, "if loan is None or loan[0]:", "if False:"),
    )),
    Mutant(35, "implied end (L6)", "two open loans", "lent_twice", (
        (REFERENCE, "events = sorted(lent + back)", "events = sorted(back)"),
    )),
)  # fmt: skip
