"""A thread ahead of its consumer, and never in the way."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.media import open_reader, prefetch
from tests.media.recordings import make_video, numbered


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers()), st.integers(1, 5))
def test_same_items_in_the_same_order(items, depth):
    assert list(prefetch(iter(items), depth)) == items


def test_exception_comes_at_its_place():
    def items():
        yield 1
        yield 2
        raise ValueError("the third")

    seen = []
    with pytest.raises(ValueError, match="the third"):
        for item in prefetch(items()):
            seen.append(item)
    assert seen == [1, 2]


def test_holds_no_more_than_asked():
    made = []

    def items():
        for i in range(100):
            made.append(i)
            yield i

    ahead = prefetch(items(), depth=3)
    for seen in range(20):
        assert next(ahead) == seen
        time.sleep(0.002)
        assert len(made) <= seen + 1 + 3 + 1
    ahead.close()


@pytest.mark.parametrize("how", ["close", "break", "raise"])
def test_stops_when_the_consumer_stops(how):
    closed = threading.Event()

    def items():
        try:
            yield from range(10**9)
        finally:
            closed.set()

    before = threading.active_count()
    ahead = prefetch(items(), depth=2)
    assert next(ahead) == 0
    if how == "close":
        ahead.close()
    elif how == "raise":
        with pytest.raises(RuntimeError):
            ahead.throw(RuntimeError)
    else:
        for _ in ahead:
            break
        del ahead
    assert closed.wait(5)
    assert threading.active_count() == before


def test_starts_nothing_before_it_is_asked():
    started = []

    def items():
        started.append(1)
        yield 1

    ahead = prefetch(items())
    assert not started
    ahead.close()
    assert not started


def test_depth_must_be_positive():
    with pytest.raises(ValueError, match="depth"):
        prefetch([1], 0)


def test_a_reader_may_be_closed_while_it_is_read_ahead(tmp_path):
    """Also in the middle of a frame: close waits for the frame, and the file is released."""
    path = make_video(tmp_path / "clip.mp4", [numbered(i) for i in range(40)])
    decoding, go_on = threading.Event(), threading.Event()
    reader = open_reader(path)
    read = reader._read

    def slowly(*, record=True):
        for frame in read(record=record):
            if frame.index == 3:
                decoding.set()
                assert go_on.wait(5)
            yield frame

    reader._read = slowly
    before = threading.active_count()
    ahead = prefetch(reader, depth=2)
    assert next(ahead).index == 0
    assert next(ahead).index == 1  # makes room, so that the producer goes on to frame 3
    assert decoding.wait(5)
    threading.Timer(0.05, go_on.set).start()
    reader.close()  # the thread is inside the generator
    assert [frame.index for frame in ahead] in ([2], [2, 3])
    ahead.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
    assert not reader._running


def test_an_exception_in_the_loop_leaves_no_open_reader(tmp_path):
    path = make_video(tmp_path / "clip.mp4", [numbered(i) for i in range(40)])
    with pytest.raises(RuntimeError, match="of the consumer"), open_reader(path) as reader:
        for frame in prefetch(reader, depth=4):
            if frame.index == 5:
                raise RuntimeError("of the consumer")
    assert not reader._running
