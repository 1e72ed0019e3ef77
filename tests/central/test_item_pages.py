"""Pages of the items' state: none over 48 KiB, nothing left out, nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from central.items import PER_PAGE, pages, unpack
from kiosk.items_copy import unpack as unpack_at_the_gate

RECORDS = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2))


@given(st.lists(RECORDS, max_size=50), st.integers(1, 10**9))
def test_a_gate_unpacks_what_central_packed(rows: list[tuple[int, int, int]], n: int) -> None:
    (page,) = pages("ask", n, rows)

    assert unpack(page) == rows
    assert [(h % 2**64, v, s) for h, v, s in unpack_at_the_gate(page.records)] == rows
    assert (page.n, page.page, page.pages) == (n, 0, 1)


def test_a_large_library_comes_in_pages_of_48_kib_at_most() -> None:
    rows = [(number * 977, number, number % 3) for number in range(2 * PER_PAGE + 1)]
    sent = list(pages("a" * 64, 10**12, rows))

    assert [len(unpack(page)) for page in sent] == [PER_PAGE, PER_PAGE, 1]
    assert [row for page in sent for row in unpack(page)] == rows
    assert max(len(page.encode()) for page in sent) <= 48 * 1024
    assert len({page.snapshot for page in sent}) == 1
    assert [(page.page, page.pages) for page in sent] == [(0, 3), (1, 3), (2, 3)]


def test_an_empty_library_is_one_empty_page() -> None:
    (page,) = pages("ask", 0, [])

    assert unpack(page) == []
