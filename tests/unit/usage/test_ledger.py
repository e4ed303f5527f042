"""Every event once, whatever the order, and in memory that does not grow with their number."""

from __future__ import annotations

import tracemalloc
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.usage.activity import CALL, EventBook
from catalog_tool.usage.ledger import Ledger

from .made import SECONDS, window

EVENTS = st.tuples(
    st.sampled_from("abc"), st.sampled_from("xy"), st.sampled_from("stu"), st.integers(1, 3), st.integers(0, 4)
)


@given(st.lists(EVENTS, max_size=60))
def test_a_tally_is_the_count_of_different_events(events: list[tuple[str, str, str, int, int]]) -> None:
    asked = window()
    with Ledger() as ledger:
        book = EventBook(asked, ledger)
        for name, trigger, session, sequence, second in events:
            book.record(CALL, name, trigger, session, str(sequence), (SECONDS - second) * 10**9)
        tally = book.tally()
    first: dict[tuple[str, int, int], tuple[str, str]] = {}
    for name, trigger, session, sequence, second in events:
        first.setdefault((session, sequence, second), (name, trigger))
    calls = Counter(name for name, _ in first.values())
    assert {name: row.calls for name, row in tally.names.items() if row.calls} == dict(calls)
    assert tally.sessions == len({session for session, _, _ in first})
    for name in calls:
        assert tally.names[name].sessions == len({key[0] for key, event in first.items() if event[0] == name})
        assert sum(tally.names[name].details.values()) == calls[name] == sum(tally.names[name].days or [])


def test_records_go_to_disk_and_come_back_once() -> None:
    held = 256 * 1024
    count = 4 * held // 31
    with Ledger(held) as ledger:
        tracemalloc.start()
        for number in range(count):
            ledger.add(number, number // 8 * 0x9E3779B97F4A7C15, number, number % 7, 0, CALL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2.5 * held
        sessions: dict[int, int] = {}
        found = 0
        for number, part in enumerate(ledger.parts()):
            for record in part:
                found += 1
                assert sessions.setdefault(record[1], number) == number
    assert found == count
    assert len(sessions) == -(-count // 8)
