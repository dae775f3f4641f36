"""What a reader gets: every batch, in place, to the end that the producer says, or the error that happened."""

from __future__ import annotations

import socket
import threading

import pyarrow as pa
import pytest
from conftest import Link
from producer import Producer, messages_of

import arrowlab
from arrowlab import errors, frames
from arrowlab.node import all_buffers, dictionaries

Opened = tuple[Producer, arrowlab.Peer, arrowlab.Subscription]
BATCH = pa.record_batch({"n": pa.array([1, None, 3]), "s": pa.array(["a", "bc", None])})
SCHEMA, MESSAGE = messages_of([BATCH])


def test_batches_lie_in_the_producers_memory(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.share(1, SCHEMA, MESSAGE, MESSAGE)
    producer.end(1)
    allocated_bytes = pa.total_allocated_bytes()
    batches = list(subscription)
    assert batches == [BATCH, BATCH]
    assert pa.total_allocated_bytes() == allocated_bytes
    buffers = [buffer for batch in batches for column in batch.columns for buffer in all_buffers(column)]
    assert len(buffers) == 10
    assert all(peer.holds(buffer) for buffer in buffers)
    # The same memory, not a copy that is somewhere else in the map: what the producer writes shows.
    at = producer.region.map.find(b"abc", 2 * 4096)
    producer.region.map[at : at + 1] = b"z"
    assert batches[0].column("s")[0].as_py() == "z"


def test_the_schema_is_there_before_the_first_batch(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.share(1, SCHEMA)
    assert subscription.schema == BATCH.schema
    assert subscription.schema is not None


def test_inline_messages_are_read_and_counted(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.inline(1, SCHEMA, MESSAGE)
    producer.share(1, MESSAGE)
    producer.inline(1, MESSAGE)
    producer.end(1)
    first, second, third = subscription
    assert first == second == third == BATCH
    assert [peer.holds(batch.column(0).buffers()[1]) for batch in (first, second, third)] == [False, True, False]
    assert first.column(0).buffers()[0].address % 64 == 0
    assert subscription.inline_bytes == 2 * len(MESSAGE)


def test_a_stream_without_batches_has_a_schema_and_an_end(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    producer.end(1)
    table = subscription.read_all()
    assert (table.schema, table.num_rows) == (BATCH.schema, 0)


def test_read_all_and_the_c_stream_give_what_is_left(link: Link) -> None:
    producer, peer = link()
    for number, take in ((1, arrowlab.Subscription.read_all), (3, pa.table), (5, pa.RecordBatchReader.from_stream)):
        subscription = peer.subscribe("numbers")
        producer.expect_subscribe_and_open()
        producer.share(number, SCHEMA, MESSAGE, MESSAGE)
        producer.end(number)
        assert next(subscription) == BATCH
        taken = take(subscription)
        table = taken.read_all() if isinstance(taken, pa.RecordBatchReader) else taken
        assert table == pa.Table.from_batches([BATCH])


def dictionary_batch(values: list[str]) -> pa.RecordBatch:
    indices = pa.array(range(len(values)), pa.int8())
    return pa.record_batch({"d": pa.DictionaryArray.from_arrays(indices, pa.array(values))})


def test_dictionaries_grow_and_are_replaced(opened: Opened) -> None:
    producer, peer, subscription = opened
    batches = [dictionary_batch(values) for values in (["a", "b"], ["a", "b", "c"], ["x"], ["x"])]
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    messages = messages_of(batches, options=options)
    assert len(messages) == 1 + 3 + 4
    producer.share(1, *messages)
    producer.end(1)
    read = list(subscription)
    assert [batch.to_pydict() for batch in read] == [batch.to_pydict() for batch in batches]
    (whole,), (delta,), (replaced,) = [dictionaries(batch.column(0)) for batch in read[:3]]
    places = [peer.holds(one.buffers()[2]) for one in (whole, delta, replaced)]
    assert places == [True, False, True]


def test_a_timeout_says_what_was_waited_for_and_reading_goes_on(link: Link) -> None:
    producer, peer = link()
    subscription = peer.subscribe("späť", timeout=0.05)
    with pytest.raises(errors.Timeout, match=r"späť.*0\.05 s"):
        next(subscription)
    producer.expect_subscribe_and_open()
    producer.share(1, SCHEMA, MESSAGE)
    assert next(subscription) == BATCH
    with pytest.raises(errors.Timeout):
        next(subscription)
    producer.share(1, MESSAGE)
    producer.end(1)
    assert list(subscription) == [BATCH]
    assert list(subscription) == []


def test_credit_is_granted_as_messages_are_taken_and_never_exceeded(opened: Opened) -> None:
    producer, _, subscription = opened
    granted, sent = 64, 1
    producer.inline(1, SCHEMA)
    for _ in range(500):
        if sent == granted:
            granted += producer.expect(frames.Credit).messages
        producer.inline(1, MESSAGE)
        sent += 1
        assert next(subscription) == BATCH
        assert granted - sent <= 64


def test_more_messages_than_credit_are_refused_and_those_in_time_still_read(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA, *[MESSAGE] * 63)
    producer.inline(1, MESSAGE)
    with pytest.raises(errors.CreditExceeded):
        list(subscription)
    assert producer.expect_error().number == errors.CreditExceeded.number


def test_a_producer_that_goes_is_never_a_short_stream(link: Link) -> None:
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.share(1, SCHEMA, MESSAGE)
    producer.close()
    batch = next(subscription)
    for _ in range(2):
        with pytest.raises(errors.ProducerGone):
            next(subscription)
    assert batch == BATCH
    with pytest.raises(errors.ProducerGone):
        peer.subscribe("numbers")


def test_a_producer_that_closes_without_end_is_gone_too(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.share(1, SCHEMA, MESSAGE)
    producer.send(frames.Closing())
    batch = next(subscription)
    with pytest.raises(errors.ProducerGone):
        next(subscription)
    with pytest.raises(errors.Closed):
        peer.subscribe("numbers")
    del batch
    assert producer.expect_releases(2) == [1, 2]


@pytest.mark.parametrize("number", [41, 43, 44, 4_000_000])
def test_a_stream_that_fails_leaves_the_others_alone(link: Link, number: int) -> None:
    producer, peer = link()
    failing, good = peer.subscribe("failing"), peer.subscribe("good")
    for _ in range(2):
        producer.expect_subscribe_and_open()
    producer.share(3, SCHEMA)
    producer.send(frames.Failure(1, number, "the disk is full"))
    producer.share(3, MESSAGE)
    producer.end(3)
    with pytest.raises(arrowlab.Error, match="the disk is full") as raised:
        next(failing)
    assert raised.value.number == number
    assert list(good) == [BATCH]


def test_breaking_off_cancels_and_what_still_comes_is_released(link: Link) -> None:
    producer, peer = link()
    # The answer is in the socket before it is asked for; the protocol does not mind.
    producer.open(1)
    producer.share(1, SCHEMA, MESSAGE, MESSAGE)
    batch = None
    for batch in peer.subscribe("numbers"):
        assert batch == BATCH
        break
    del batch
    producer.expect(frames.Subscribe)
    producer.expect(frames.Cancel)
    producer.share(1, MESSAGE, MESSAGE)
    producer.send(frames.Cancelled(1))
    other = peer.subscribe("other", timeout=0.05)
    with pytest.raises(errors.Timeout):
        next(other)
    producer.expect(frames.Subscribe)
    assert sorted(producer.expect_releases(5)) == [1, 2, 3, 4, 5]


def test_close_cancels_waits_for_the_answer_and_says_closing(link: Link) -> None:
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.share(1, SCHEMA, MESSAGE)
    batch = next(subscription)
    closing = threading.Thread(target=peer.close)
    closing.start()
    producer.expect(frames.Cancel)
    producer.share(1, MESSAGE)
    producer.send(frames.Cancelled(1))
    producer.expect(frames.Closing)
    closing.join()
    assert sorted(producer.expect_releases(2)) == [1, 3]
    with pytest.raises(errors.Closed):
        next(subscription)
    assert batch == BATCH
    del batch
    producer.expect_end()
    assert sorted(producer.released) == [1, 2, 3]


def test_a_producer_that_never_answers_cancel_stops_nobody(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.share(1, SCHEMA, MESSAGE)
    batch = next(subscription)
    peer.close()
    producer.expect(frames.Cancel)
    producer.expect_end()
    assert batch == BATCH


def test_a_closed_subscription_is_closed_for_its_reader(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.share(1, SCHEMA, MESSAGE)
    with subscription:
        next(subscription)
    with pytest.raises(errors.Closed):
        next(subscription)
    subscription.close()
    producer.expect(frames.Cancel)
    producer.send(frames.Cancelled(1))


def test_dropping_everything_closes_the_connection() -> None:
    ours, theirs = socket.socketpair()
    producer = Producer(ours)
    producer.greet()
    producer.open(1)
    producer.share(1, SCHEMA, MESSAGE)
    producer.end(1)
    assert list(arrowlab.connect(fd=theirs.detach(), timeout=10).subscribe("numbers")) == [BATCH]
    producer.expect_greeting()
    producer.expect(frames.Subscribe)
    producer.expect(frames.Closing)
    producer.expect_end()
    producer.close()


def test_many_readers_in_threads_share_one_socket(link: Link) -> None:
    producer, peer = link()
    sizes = {1 + 2 * index: 40 + index for index in range(8)}
    read: dict[int, int] = {}

    def reader(number: int, subscription: arrowlab.Subscription) -> None:
        read[number] = sum(batch == BATCH for batch in subscription)

    threads = [threading.Thread(target=reader, args=(number, peer.subscribe(str(number)))) for number in sizes]
    for thread in threads:
        thread.start()
    for _ in sizes:
        producer.expect_subscribe_and_open()
    for round_ in range(max(sizes.values()) + 2):
        for number, size in sizes.items():
            if round_ == 0:
                producer.inline(number, SCHEMA)
            elif round_ <= size:
                producer.share(number, MESSAGE)
            elif round_ == size + 1:
                producer.end(number)
    for thread in threads:
        thread.join()
    assert read == sizes
    assert sorted(producer.expect_releases(sum(sizes.values()))) == list(range(1, sum(sizes.values()) + 1))


def test_an_endpoint_that_only_consumes_says_so(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.send(frames.Subscribe(2, 8, "yours"), frames.Call(4, 8, "f", "{}"), frames.List(6), frames.Cancel(4))
    producer.send(frames.Credit(2, 1))
    producer.inline(1, SCHEMA, MESSAGE)
    assert next(subscription) == BATCH
    assert producer.expect(frames.Failure).number == errors.NotServed.number
    assert producer.expect(frames.Failure).stream == 4
    assert producer.expect(frames.Result) == frames.Result(6, "[]")
    assert producer.expect(frames.Cancelled).stream == 4


@pytest.mark.parametrize("name", ["", "n" * 256, "ü" * 128, "\ud800", 7])
def test_names_that_cannot_be_sent_are_refused(link: Link, name: str) -> None:
    _, peer = link()
    with pytest.raises(errors.InvalidArgument):
        peer.subscribe(name)


def test_more_streams_than_allowed_are_refused_here(link: Link) -> None:
    producer, peer = link()
    several = [peer.subscribe("one") for _ in range(1_024)]
    with pytest.raises(errors.TooManyStreams):
        peer.subscribe("one too many")
    producer.open(1)
    producer.inline(1, SCHEMA)
    producer.end(1)
    assert list(several[0]) == []
    peer.subscribe("one again")
