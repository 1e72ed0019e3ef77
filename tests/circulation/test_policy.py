"""Terms come from the most specific rule that sets them."""

from pathlib import Path

import pytest

from circulation.policy import Policy
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
