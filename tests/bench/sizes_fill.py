"""A ledger with many years behind it, made by the engine itself in minutes: ten million loans, mostly returned.

What is there afterwards is what central would have left: a loan, its answer, a return, and four lines of the journal
for each (lent, tag written, returned, tag secured); loans of one item do not overlap; one item in ten of
those that were ever lent is out now, with a patron; who had the others is forgotten; items stand where
their history leaves them; the changes of the last month are numbered. Ids are spread evenly as those of
`wire.ids.new_id` are, and say nothing of time.

Rows are made in the order of their ids, because that is a hundred times faster; but a tree that was filled in order
has only full pages, and each fact of the bench would split one in every tree, which no grown ledger does. So every
third row comes in a second pass between the others: the pages are then as full as random growth leaves them.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from central.ledger.ledger import Ledger

ITEMS, PATRONS, STATIONS = 200_000, 50_000, 64
DAY_MS = 86_400_000
YEARS_MS = 5 * 365 * DAY_MS
PRIME = 1_000_003
"""Without a common factor with any number of loans made here: n × PRIME mod loans names each loan once."""
OUT_EACH = 10
"""Every tenth item that was ever lent is out now."""

PLAN = """
CREATE TABLE plan.loan AS
WITH RECURSIVE step(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM step WHERE n + 1 < :loans),
turn AS (SELECT n, (n * :prime) % :loans % :items AS item, (n * :prime) % :loans / :items AS nth,
  ((n * :prime) % :loans - :items) * :inverse % :loans AS prior FROM step),
span AS (SELECT *, :since + nth * :slot + abs(random()) % (:slot / 4) AS start FROM turn)
SELECT n, 'i' || item AS item, start, CASE WHEN nth > 0 THEN prior END AS prior,
  CASE WHEN item % :out_each = 0 AND nth = :last THEN NULL ELSE start + abs(random()) % (:slot / 2) + 1000 END AS ended,
  printf('%015x', n * :gap + abs(random()) % (:gap / 4)) || lower(substr(hex(randomblob(9)), 2)) AS lent,
  printf('%015x', n * :gap + :gap / 4 + abs(random()) % (:gap / 4)) || lower(substr(hex(randomblob(9)), 2)) AS back,
  printf('%015x', n * :gap + :gap / 2 + abs(random()) % (:gap / 4)) || lower(substr(hex(randomblob(9)), 2)) AS wrote,
  printf('%015x', n * :gap + :gap / 4 * 3 + abs(random()) % (:gap / 4)) || lower(substr(hex(randomblob(9)), 2)) AS shut,
  'k' || (abs(random()) % :stations) AS station, lower(hex(randomblob(16))) AS stream
FROM span
"""
REGISTRY = (
    "INSERT INTO branch (branch, name, zone) VALUES ('main', 'Main', 'Europe/Copenhagen')",
    "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :stations)"
    " INSERT INTO station (station, branch, kind) SELECT 'k' || n, 'main', 'kiosk' FROM s",
    "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :patrons)"
    " INSERT INTO patron (patron, class, home) SELECT 'p' || n, 'adult', 'main' FROM s ORDER BY 1",
    "INSERT INTO card (card, patron) SELECT 'C' || substr(patron, 2), patron FROM patron",
    "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :items)"
    " INSERT INTO item (item, title, class, branch, version)"
    " SELECT 'i' || n, 'Title of item ' || n, 'book', 'main', 1 FROM s ORDER BY 1",
)
HISTORY = (
    "INSERT INTO loan (request, item, patron, station, branch, start, ended, due, first_due, renewals, withdrawn, contested, tag, previous)"
    " SELECT lent, item, CASE WHEN ended IS NULL THEN 'p' || (n * 7 % :patrons) END, station, 'main', start, ended,"
    " date(start / 1000 + 28 * 86400, 'unixepoch'), date(start / 1000 + 28 * 86400, 'unixepoch'), 0, 0, 0, 'written',"
    " (SELECT back FROM plan.loan AS other WHERE other.rowid = one.prior + 1) FROM plan.loan AS one WHERE {share}",
    "INSERT INTO answer (request, outcome, item, due, renewed, at)"
    " SELECT lent, 'granted', item, date(start / 1000 + 28 * 86400, 'unixepoch'), 0, start + 20 FROM plan.loan WHERE {share}",
    "INSERT INTO checkin (fact_id, item, at, station, branch, via, secured, previous)"
    " SELECT back, item, ended, station, 'main', 'kiosk', 'verified', lent FROM plan.loan WHERE ended IS NOT NULL AND {share}",
    "INSERT INTO journal (fact_id, stream, seq, outcome, kind, at, received, item)"
    " SELECT CASE j WHEN 0 THEN lent WHEN 1 THEN back WHEN 2 THEN wrote ELSE shut END, stream, 4 * n + j, 'applied',"
    " CASE j WHEN 0 THEN 'checkout' WHEN 1 THEN 'checkin' WHEN 2 THEN 'tag-written' ELSE 'secured' END,"
    " CASE j % 2 WHEN 0 THEN start ELSE ended END, CASE j % 2 WHEN 0 THEN start ELSE ended END + 15, item"
    " FROM plan.loan CROSS JOIN (SELECT 0 AS j UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)"
    " WHERE (ended IS NOT NULL OR j % 2 = 0) AND {share}",
)
STANDING = (
    "CREATE TABLE plan.last AS SELECT item, lent, back, start, ended FROM plan.loan WHERE (n * :prime) % :loans / :items = :last",
    "UPDATE item SET loan = CASE WHEN last.ended IS NULL THEN last.lent END,"
    " last_at = coalesce(last.ended, last.start), last_id = CASE WHEN last.ended IS NULL THEN last.lent ELSE last.back END,"
    " tag = CASE WHEN last.ended IS NULL THEN 'unsecured' ELSE 'secured' END, version = 2 + 2 * :last"
    " FROM plan.last AS last WHERE last.item = item.item",
    "INSERT INTO newest (item, event) SELECT item, CASE WHEN ended IS NULL THEN lent ELSE back END FROM plan.last ORDER BY item",
    "INSERT INTO change (n, item, version, state, at) SELECT row_number() OVER (ORDER BY at), item, version, state, at FROM ("
    " SELECT last_at AS at, item, version, CASE WHEN loan IS NULL THEN 'available' ELSE 'lent' END AS state FROM item"
    " WHERE last_at > :now - 30 * 86400000)",
)


def fill(path: Path, loans: int, now: int) -> None:
    """Make a ledger with so many loans at `path`, whose last one is of yesterday; `now` in ms."""
    Ledger.open(f"sqlite:///{path}").close()
    items = min(ITEMS, loans)
    nth = loans // items
    if nth * items != loans:
        raise ValueError(f"give up to {ITEMS} loans, or a multiple of it")
    values = {
        "loans": loans, "items": items, "prime": PRIME, "inverse": pow(PRIME, -1, loans),
        "out_each": OUT_EACH, "slot": YEARS_MS // nth, "last": nth - 1,
        "since": now - YEARS_MS - DAY_MS, "gap": (1 << 60) // loans, "stations": STATIONS, "patrons": PATRONS, "now": now,
    }  # fmt: skip
    plan = path.with_suffix(".plan")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-262144"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("ATTACH ? AS plan", (str(plan),))
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            db.execute(f"PRAGMA plan.{pragma}")
        for statement in REGISTRY:
            db.execute(statement, {**values, "items": ITEMS})
        indexes = db.execute(
            "SELECT name, sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN ('loan', 'checkin', 'change', 'item')"
        ).fetchall()
        for name, _ in indexes:
            db.execute(f"DROP INDEX main.{name}")
        first, second = (
            [one.format(share=share) for one in HISTORY] for share in ("n % 3 <> 0", "n % 3 = 0")
        )
        for statement in (PLAN, *first, *second, *STANDING, *(sql for _, sql in indexes)):
            db.execute(statement, values)
        db.execute("DETACH plan")
        db.execute("PRAGMA main.locking_mode=NORMAL")
        db.execute("PRAGMA main.journal_mode=WAL")
    plan.unlink()
