"""Terms come from the most specific rule that sets them; settings that make no sense are refused."""

from datetime import date
from pathlib import Path

import pytest

from circulation.calendar import ALWAYS
from circulation.policy import Policy
from circulation.policy_parts import FeeSettings
from wire.errors import ConfigError
from wire.settings import load

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "policy.toml"

RULES = """
[defaults]
loan_days = 28
limit = 20

[[rules]]
item = "film"
loan_days = 7
renewals = 0

[[rules]]
patron = "child"
limit = 5

[[rules]]
patron = "child"
item = "film"
class_limit = 1

[[rules]]
item = "film"
branch = "north"
loan_days = 3

[[rules]]
item = "reference"
for_loan = false
"""


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    file = tmp_path / "policy.toml"
    file.write_text(RULES)
    return load(file, Policy)


@pytest.mark.parametrize(
    ("patron", "item", "branch", "days", "limit", "of_class", "renewals"),
    [
        ("adult", "book", "main", 28, 20, None, 2),
        ("adult", "film", "main", 7, 20, None, 0),
        ("adult", "film", "north", 3, 20, None, 0),
        ("child", "book", "main", 28, 5, None, 2),
        ("child", "film", "main", 7, 5, 1, 0),
        ("child", "film", "north", 3, 5, 1, 0),
    ],
)
def test_each_term_is_taken_from_the_most_specific_rule_that_sets_it(
    policy: Policy,
    patron: str,
    item: str,
    branch: str,
    days: int,
    limit: int,
    of_class: int | None,
    renewals: int,
) -> None:
    terms = policy.terms(patron, item, branch)

    assert (days, limit, of_class, renewals) == (
        terms.loan_days,
        terms.limit,
        terms.class_limit,
        terms.renewals,
    )


def test_reference_works_stay_in_the_library(policy: Policy) -> None:
    assert not policy.terms("adult", "reference", "main").for_loan


def test_a_setting_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[defaults]\nloan_dais = 3\n")

    with pytest.raises(ConfigError) as error:
        load(file, Policy)

    assert "policy.toml:2" in error.value.seen


def test_the_example_in_the_documentation_is_a_policy() -> None:
    policy = load(EXAMPLE, Policy)

    assert policy.rules


@pytest.mark.parametrize(
    ("line", "word", "text"),
    [
        (2, "fees.fine_per_day", "[fees]\nfine_per_day = 0.2\n"),
        (2, "fees.block_at", "[fees]\nblock_at = 10\n"),
        (3, "0.205 has more decimals than EUR has", '[fees]\n\nfine_per_day = "0.205"\n'),
        (3, "0.50 has more decimals than JPY", '[fees]\ncurrency = "JPY"\nblock_at = "0.50"\n'),
        (1, "rules.0.max_fine: 0.205 has more", '[[rules]]\nmax_fine = "0.205"\n'),
        (2, "rules.0.rental_fee", '[[rules]]\nrental_fee = "1,50"\n'),
        (2, "fees.currency", '[fees]\ncurrency = "Euro"\n'),
        (2, "calendar.weekdays.0", '[calendar]\nweekdays = ["monday"]\n'),
        (2, "2026-02-30", '[calendar]\nclosed = ["12-25", "2026-02-30"]\n'),
        (1, "north: a branch has one", 2 * '[[calendar.branches]]\nbranch = "north"\n'),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_with_its_line(
    tmp_path: Path, line: int, word: str, text: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)

    with pytest.raises(ConfigError) as error:
        load(file, Policy)

    assert f"policy.toml:{line}:" in error.value.seen
    assert word in error.value.seen


def test_a_policy_that_says_nothing_charges_nothing_and_closes_never() -> None:
    policy = Policy()
    terms = policy.terms("adult", "book", "main")

    assert (terms.fine_per_day, terms.rental_fee, terms.overdue_limit, policy.block_at) == (0, 0, None, None)
    assert policy.open_days("main") is ALWAYS
    assert policy.due_calendar("main") is None


MONEY = """
[fees]
fine_per_day = "0.20"
max_fine = "10"
block_at = "20.00"

[holds]
limit = 4

[[rules]]
item = "film"
fine_per_day = "1"
rental_fee = "2.50"
holdable = false

[[rules]]
patron = "child"
fine_per_day = "0"
hold_limit = 2
grace_days = 7
"""


def test_amounts_are_minor_units_in_terms_and_follow_the_same_rules(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(MONEY)
    policy = load(file, Policy)
    book, film, child = (
        policy.terms(patron, item, "main")
        for patron, item in (("adult", "book"), ("adult", "film"), ("child", "film"))
    )

    assert policy.block_at == 2000
    assert (book.fine_per_day, book.max_fine, book.rental_fee, book.hold_limit) == (20, 1000, 0, 4)
    assert (film.fine_per_day, film.max_fine, film.rental_fee, film.holdable) == (100, 1000, 250, False)
    assert (child.fine_per_day, child.grace_days, child.hold_limit, child.holdable) == (0, 7, 2, False)


def test_a_branch_opens_on_its_own_days_and_is_closed_with_all_others(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        """
[calendar]
weekdays = ["mon", "tue"]
closed = [2026-03-02, "12-24/01-02"]

[[calendar.branches]]
branch = "north"
weekdays = ["sun"]
closed = ["2026-03-08"]

[[calendar.branches]]
branch = "south"
"""
    )
    policy = load(file, Policy)
    day = date(2026, 3, 2)
    opens = [policy.open_days(branch).next_open(day) for branch in ("main", "north", "south")]

    assert [date(2026, 3, 3), date(2026, 3, 15), date(2026, 3, 3)] == opens
    assert [policy.open_days(branch).next_open(date(2026, 12, 27)) for branch in ("main", "north")] == [
        date(2027, 1, 4),
        date(2027, 1, 3),
    ]


def test_closed_days_are_charged_where_the_policy_says_so() -> None:
    closed = Policy.model_validate({"calendar": {"weekdays": ["mon"]}})
    charged = closed.model_copy(update={"fees": FeeSettings(charge_closed_days=True)})

    assert closed.fine_calendar("main") == closed.open_days("main")
    assert charged.fine_calendar("main") is ALWAYS


def test_a_copy_with_other_settings_forgets_what_was_worked_out() -> None:
    first = Policy(fees=FeeSettings(block_at="5"))
    seen = (first.block_at, first.terms("adult", "book", "main").fine_per_day, first.open_days("main"))
    other = first.model_copy(update={"fees": FeeSettings(block_at="7", fine_per_day="1")})

    assert seen == (500, 0, ALWAYS)
    assert (other.block_at, other.terms("adult", "book", "main").fine_per_day) == (700, 100)
    assert first.block_at == 500
