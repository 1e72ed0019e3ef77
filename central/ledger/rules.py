"""The rules that always hold in a sound ledger: what `turnleaf ledger verify` asks, each a count of faults.

A rule that calls a sound ledger broken is worse than none: no copy of it would be made any more. So each
tells what it takes for granted, and leaves out what may be so for a good reason.
"""

from dataclasses import dataclass

HISTORIES = """
    WITH RECURSIVE events(event, item) AS NOT MATERIALIZED (
        SELECT request, item FROM loan UNION ALL SELECT fact_id, item FROM checkin),
    named(event, item) AS NOT MATERIALIZED (
        SELECT event, item FROM newest
        UNION ALL SELECT previous, item FROM loan WHERE previous IS NOT NULL
        UNION ALL SELECT previous, item FROM checkin WHERE previous IS NOT NULL),
    astray(item) AS (
        SELECT item FROM loan WHERE previous >= request
        UNION SELECT item FROM checkin WHERE previous >= fact_id),
    back(item, event) AS (
        SELECT item, event FROM newest WHERE item IN astray
        UNION SELECT item, coalesce(
            (SELECT previous FROM loan WHERE request = back.event AND loan.item = back.item),
            (SELECT previous FROM checkin WHERE fact_id = back.event AND checkin.item = back.item))
        FROM back WHERE event IS NOT NULL)
    SELECT coalesce(
        nullif((SELECT count(*) FROM events WHERE (event, item) NOT IN (SELECT event, item FROM named)), 0),
        nullif(abs((SELECT count(*) FROM named) - (SELECT count(*) FROM events)), 0),
        (SELECT count(*) FROM events WHERE item IN astray
            AND event NOT IN (SELECT event FROM back WHERE event IS NOT NULL)))"""
"""Each event is named once by its own item: as the newest, or as what came before. A walk from every item
would be several times as long. When all events are named, and there are as many names as events, none is
named twice and no name is of nothing: then they lie on the ways from the items, or in rings that no way leads
to. Ids grow with time, so only an item where one does not may have a ring, and these alone are walked.
"""

JOURNALLED = """
    SELECT count(*) FROM stream WHERE upto > 0
    AND NOT EXISTS (SELECT 1 FROM journal WHERE fact_id = stream.id)
    AND NOT EXISTS (SELECT 1 FROM "case" WHERE kind = 'facts-lost'
        AND key LIKE 'facts-lost:' || stream.stream || ':%-' || stream.upto)"""
"""The fact that was consumed last stands in the journal, unless a case tells that it is lost (streams.md C5).
More cannot be asked of a stream's numbers: a fact that is known already uses up a number and is not written
down again (C2), and nothing tells where that was so.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """What must be 0 in a sound ledger."""

    broken: str
    """What is counted, as a person reads it after the number."""
    query: str
    since: str = ""
    """The version from which on there is something to look at; copies of older ledgers are sound without."""


RULES = (
    Rule(
        "items that are on a loan which is not open",
        """
        SELECT count(*) FROM item LEFT JOIN loan ON loan.request = item.loan
        WHERE item.loan IS NOT NULL AND (loan.request IS NULL OR loan.ended IS NOT NULL OR loan.withdrawn)""",
    ),
    Rule(
        "open loans that their item does not know",
        """
        SELECT count(*) FROM loan JOIN item ON item.item = loan.item
        WHERE loan.ended IS NULL AND NOT loan.withdrawn AND item.loan IS NOT loan.request""",
    ),
    Rule(
        "items with two open loans",
        """
        SELECT count(*) FROM (SELECT item FROM loan WHERE ended IS NULL AND NOT withdrawn
        GROUP BY item HAVING count(*) > 1)""",
    ),
    Rule(
        "facts that stand twice under one number of one stream",
        """
        SELECT count(*) FROM (SELECT 1 FROM journal WHERE stream <> '' GROUP BY stream, seq
        HAVING count(*) > 1)""",
    ),
    Rule(
        "granted checkouts without a loan",
        """
        SELECT count(*) FROM answer WHERE outcome = 'granted'
        AND NOT EXISTS (SELECT 1 FROM loan WHERE loan.request = answer.request)
        AND EXISTS (SELECT 1 FROM journal WHERE fact_id = answer.request AND kind = 'checkout')""",
    ),
    # Elsewhere a loan may be renewed that this ledger never had; after a restore, one that it has no more.
    Rule(
        "granted renewals that renewed nothing",
        """
        SELECT count(*) FROM answer WHERE outcome = 'granted'
        AND NOT EXISTS (SELECT 1 FROM loan WHERE loan.request = answer.request)
        AND NOT EXISTS (SELECT 1 FROM renewal WHERE renewal.request = answer.request)
        AND NOT EXISTS (SELECT 1 FROM journal WHERE fact_id = answer.request AND kind = 'checkout')
        AND NOT EXISTS (SELECT 1 FROM asked WHERE asked.request = answer.request AND asked.kind = 'renew')
        AND NOT EXISTS (SELECT 1 FROM "case" WHERE key = 'renewed-without-loan:' || answer.request)""",
        since="0002",
    ),
    Rule(
        "answers to requests that the journal does not hold",
        """
        SELECT count(*) FROM answer
        WHERE NOT EXISTS (SELECT 1 FROM journal WHERE fact_id = answer.request)""",
    ),
    Rule(
        "streams whose last fact the journal does not hold",
        JOURNALLED,
    ),
    Rule(
        "loans and returns that are not found, or not once, from their item",
        HISTORIES,
        since="0004",
    ),
    Rule(
        "fees paid beyond what they are",
        "SELECT count(*) FROM fee WHERE paid > amount",
        since="0003",
    ),
)
