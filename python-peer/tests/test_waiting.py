"""What a producer that waits for memory gets back, and who is told that he waits for himself."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from conftest import Link
from producer import PATIENCE_S, Producer, messages_of

import arrowlab
from arrowlab import errors, frames
from arrowlab.garbage import Collector
from arrowlab.node import dictionaries

Opened = tuple[Producer, arrowlab.Peer, arrowlab.Subscription]
BATCH = pa.record_batch({"n": pa.array(range(100), pa.int64()), "s": pa.array(["a"] * 100)})
SCHEMA, MESSAGE = messages_of([BATCH])
GRACE_S = 1.5


class Cycle:
    """Keeps a batch until the garbage is collected."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch
        self.myself = self


@pytest.fixture
def no_automatic_collections() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what the other tests left would make each collection slow, and the next one late
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


class Reader(threading.Thread):
    """Does something in a thread, and keeps what it returned or raised."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:
            self.error = error

    def done(self) -> Any:
        self.join(30)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


def produce(producer: Producer, messages: list[bytes], most: int) -> None:
    """Sends the messages and the end, with `most` of them leased at once; says WAITING as PROTOCOL.md has it."""
    credit = 64
    producer.peer.settimeout(1)
    for message in messages:
        while producer.lease - len(producer.released) >= most or credit == 0:
            held = (producer.lease - len(producer.released)) * 4096
            producer.send(frames.Waiting(1, 4096, held))
            try:
                credit += _releases_or_credit(producer)
            except TimeoutError:
                continue
        producer.share(1, message)
        credit -= 1
    producer.end(1)


def _releases_or_credit(producer: Producer) -> int:
    before = len(producer.released)
    frame = producer.expect(frames.Frame)
    assert isinstance(frame, frames.Credit) or len(producer.released) > before, frame
    return frame.messages if isinstance(frame, frames.Credit) else 0


def wait_for_releases(producer: Producer, waiting: frames.Waiting) -> list[int]:
    """Says WAITING each second: a collection may have been a moment ago."""
    producer.peer.settimeout(1)
    for _ in range(PATIENCE_S):
        producer.send(waiting)
        try:
            return producer.expect_releases(1)
        except TimeoutError:
            continue
    raise AssertionError("expected a release, found none")


@pytest.mark.parametrize("stream", [1, 0])
@pytest.mark.usefixtures("no_automatic_collections")
def test_waiting_brings_back_what_only_a_cycle_holds(opened: Opened, stream: int) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE, MESSAGE)
    kept = next(subscription)
    Cycle(next(subscription))
    reader = Reader(lambda: next(subscription))
    assert wait_for_releases(producer, frames.Waiting(stream, 4096, 8192)) == [2]
    producer.share(1, MESSAGE)
    assert reader.done() == kept == BATCH


@pytest.mark.usefixtures("no_automatic_collections")
def test_waiting_is_heard_where_nobody_reads(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE)
    producer.end(1)
    Cycle(next(subscription))
    assert list(subscription) == []
    assert wait_for_releases(producer, frames.Waiting(0, 4096, 4096)) == [1]


@pytest.mark.usefixtures("no_automatic_collections")
def test_waiting_is_heard_after_close(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE)
    producer.end(1)
    Cycle(next(subscription))
    assert list(subscription) == []
    peer.close()
    producer.expect(frames.Closing)
    assert wait_for_releases(producer, frames.Waiting(0, 4096, 4096)) == [1]
    producer.expect_end()


def test_a_producer_that_goes_after_close_ends_the_connection_while_a_batch_is_held(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE)
    producer.end(1)
    (batch,) = subscription
    peer.close()
    producer.close()
    deadline = time.monotonic() + 10
    while any(thread.name == "arrowlab sender" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "expected the connection to see the producer's end by itself"
        time.sleep(0.05)
    assert batch == BATCH


@pytest.mark.usefixtures("no_automatic_collections")
def test_a_loop_that_keeps_nothing_passes_many_times_the_limit(opened: Opened) -> None:
    producer, _, subscription = opened
    reader = Reader(lambda: sum(len(Cycle(batch).batch) for batch in subscription))
    produce(producer, [SCHEMA, *[MESSAGE] * 80], 4)
    assert reader.done() == 80 * 100


def test_who_keeps_all_batches_is_told_that_he_waits_for_himself(opened: Opened) -> None:
    producer, peer, subscription = opened
    batches: list[pa.RecordBatch] = []
    reader = Reader(lambda: batches.extend(subscription))
    with pytest.raises(AssertionError, match="Cancel"):
        produce(producer, [SCHEMA, *[MESSAGE] * 80], 4)
    with pytest.raises(errors.LeasesExhausted, match=r"waits for 4096 bytes.* holds 16384 .*read_all.*maxBytes"):
        reader.done()
    assert batches == [BATCH] * 4
    producer.send(frames.Cancelled(1))
    with pytest.raises(errors.LeasesExhausted):
        next(subscription)
    other = peer.subscribe("other")
    producer.expect_subscribe_and_open()
    producer.share(3, SCHEMA, MESSAGE)
    producer.end(3)
    assert list(other) == [BATCH]
    batches.clear()
    assert 2 in producer.expect_releases(3)


def hold_and_wait(opened: Opened) -> tuple[Producer, list[pa.RecordBatch], Reader]:
    """A reader that is blocked and holds two batches, and the first WAITING."""
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE, MESSAGE)
    batches = [next(subscription) for _ in range(2)]
    reader = Reader(lambda: next(subscription))
    producer.send(frames.Waiting(1, 4096, 8192))
    return producer, batches, reader


def goes_on(producer: Producer, reader: Reader) -> None:
    producer.share(1, MESSAGE)
    assert reader.done() == BATCH


def test_a_wait_shorter_than_the_grace_fails_nobody(opened: Opened) -> None:
    producer, _batches, reader = hold_and_wait(opened)
    for _ in range(20):
        producer.send(frames.Waiting(1, 4096, 8192))
    time.sleep(0.5)
    producer.send(frames.Waiting(1, 4096, 8192))
    goes_on(producer, reader)


def test_a_release_by_another_thread_begins_the_grace_anew(opened: Opened) -> None:
    producer, batches, reader = hold_and_wait(opened)
    time.sleep(GRACE_S + 0.2)
    batches.pop()
    assert producer.expect_releases(1) == [2]
    producer.send(frames.Waiting(1, 4096, 4096))
    goes_on(producer, reader)


@pytest.mark.parametrize(("stream", "held"), [(0, 8192), (1, 0)])
def test_waiting_for_others_fails_nobody(opened: Opened, stream: int, held: int) -> None:
    producer, _batches, reader = hold_and_wait(opened)
    time.sleep(GRACE_S + 0.2)
    producer.send(frames.Waiting(stream, 4096, held))
    time.sleep(0.2)
    goes_on(producer, reader)


def test_a_reader_that_is_not_blocked_is_not_failed(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE, MESSAGE)
    batches = [next(subscription)]
    for _ in range(4):  # heard while nobody reads: a message is there to be taken
        producer.send(frames.Waiting(1, 4096, 8192))
        time.sleep(0.8)
    producer.share(1, MESSAGE)
    producer.end(1)
    assert [*batches, *subscription] == [BATCH] * 3


def test_read_all_takes_a_stream_longer_than_the_limit(opened: Opened) -> None:
    producer, peer, subscription = opened
    reader = Reader(subscription.read_all)
    produce(producer, [SCHEMA, *[MESSAGE] * 80], 8)
    table = reader.done()
    assert table == pa.Table.from_batches([BATCH] * 80)
    assert sorted(producer.expect_releases(80))[:7] == [1, 2, 3, 4, 5, 6, 7]
    assert not any(peer.holds(chunk.buffers()[1]) for chunk in table.column("n").chunks[:70])


def test_read_all_copies_nothing_while_nobody_waits(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.share(1, SCHEMA, *[MESSAGE] * 60)
    producer.end(1)
    allocated_bytes = pa.total_allocated_bytes()
    table = subscription.read_all()
    assert pa.total_allocated_bytes() == allocated_bytes
    assert all(peer.holds(chunk.buffers()[1]) for chunk in table.column("n").chunks)


def test_read_all_copies_a_shared_dictionary_once(opened: Opened) -> None:
    producer, peer, subscription = opened
    indices = pa.array([0, 1, None], pa.int8())
    batches = [
        pa.record_batch({"d": pa.DictionaryArray.from_arrays(indices, pa.array(values))})
        for values in [["a", "b"]] * 20 + [["x", "y"]] * 20
    ]
    messages = messages_of(batches)
    reader = Reader(subscription.read_all)
    produce(producer, messages, 5)
    table = reader.done()
    assert table == pa.Table.from_batches(batches)
    chunks = table.column("d").chunks
    places = {dictionary.buffers()[2].address for chunk in chunks for dictionary in dictionaries(chunk)}
    assert len(places) == 2
    assert not any(peer.holds(dictionary.buffers()[2]) for chunk in chunks[:30] for dictionary in dictionaries(chunk))


def test_after_read_all_has_been_interrupted_next_reads_in_place(link: Link) -> None:
    producer, peer = link(timeout=0.2)
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE)
    producer.send(frames.Waiting(1, 4096, 4096))
    with pytest.raises(errors.Timeout):
        subscription.read_all()
    producer.share(1, MESSAGE)
    assert peer.holds(next(subscription).column(0).buffers()[1])


def test_two_leases_of_one_extent_are_released_one_by_one(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    first = producer.describe(1, MESSAGE)
    second = producer.describe(1, MESSAGE)
    second.offset = first.offset
    producer.send(first, second)
    one, other = next(subscription), next(subscription)
    a_slice = one.slice(3, 2)
    assert one.column(0).buffers()[1].address == other.column(0).buffers()[1].address
    del one
    del other
    assert producer.expect_releases(1) == [2]
    del a_slice
    assert producer.expect_releases(2) == [2, 1]


def test_collections_take_a_fifth_of_the_time_at_most() -> None:
    spans: list[tuple[float, float]] = []

    def watch(phase: str, _info: dict[str, int]) -> None:
        now_s = time.monotonic()
        if phase == "start":
            spans.append((now_s, now_s))
        else:
            spans[-1] = (spans[-1][0], now_s)

    garbage = [[number] for number in range(50_000)]
    collector = Collector()
    gc.disable()
    gc.callbacks.append(watch)
    try:
        until_s = time.monotonic() + 30
        while len(spans) < 4 and time.monotonic() < until_s:
            collector.collect()
            time.sleep(0.001)
    finally:
        gc.callbacks.remove(watch)
        gc.enable()
    assert len(garbage) == 50_000
    assert len(spans) == 4
    for (begin, end), (next_begin, _) in pairwise(spans):
        assert next_begin - end >= 3.9 * (end - begin)


def test_dropping_batches_never_collects_garbage(opened: Opened) -> None:
    producer, _, subscription = opened
    collections: list[str] = []

    def watch(phase: str, info: dict[str, int]) -> None:
        if info["generation"] == 2:
            collections.append(phase)

    producer.inline(1, SCHEMA)
    producer.share(1, *[MESSAGE] * 50)
    gc.disable()
    gc.callbacks.append(watch)
    try:
        for _ in range(50):
            next(subscription)
        assert sorted(producer.expect_releases(50)) == list(range(1, 51))
    finally:
        gc.callbacks.remove(watch)
        gc.enable()
    assert collections == []


@pytest.mark.usefixtures("no_automatic_collections")
def test_a_message_that_came_while_garbage_was_collected_is_not_too_late(opened: Opened) -> None:
    producer, _batches, reader = hold_and_wait(opened)
    time.sleep(GRACE_S + 0.2)

    def collecting(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            producer.share(1, MESSAGE)

    gc.callbacks.append(collecting)
    try:
        producer.send(frames.Waiting(1, 4096, 8192))
        assert reader.done() == BATCH
    finally:
        gc.callbacks.remove(collecting)
