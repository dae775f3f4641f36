"""An extent is released exactly once, when the last reference to it is gone, whatever that was and wherever it went."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import Link
from producer import Producer, messages_of

import arrowlab
from arrowlab import errors, frames

Opened = tuple[Producer, arrowlab.Peer, arrowlab.Subscription]
BATCH = pa.record_batch({"n": pa.array(range(100), pa.int64()), "l": pa.array([[1, 2]] * 100)})
SCHEMA, MESSAGE = messages_of([BATCH])

KEEPERS: dict[str, Callable[[pa.RecordBatch], Any]] = {
    "a slice": lambda batch: batch.slice(10, 5),
    "a column": lambda batch: batch.column(0),
    "a child": lambda batch: batch.column(1).values,
    "a buffer": lambda batch: batch.column(0).buffers()[1],
    "a view of numpy": lambda batch: batch.column(0).to_numpy(zero_copy_only=True)[50:],
    "a memoryview": lambda batch: memoryview(batch.column(0).buffers()[1]),
    "a C array": lambda batch: batch.__arrow_c_array__(),
    "a table": lambda batch: pa.Table.from_batches([batch]),
    "dlpack": lambda batch: np.from_dlpack(batch.column(0)),
}


@pytest.mark.parametrize("keeper", KEEPERS)
def test_the_last_reference_releases_whatever_it_is(opened: Opened, keeper: str) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE, MESSAGE)
    kept = KEEPERS[keeper](next(subscription))
    next(subscription)
    assert producer.expect_releases(1) == [2], "expected the batch that nobody keeps, and not the one that is kept"
    del kept
    assert producer.expect_releases(2) == [2, 1]


def test_a_dictionary_is_released_after_what_uses_it(opened: Opened) -> None:
    producer, _, subscription = opened
    batches = [pa.record_batch({"d": pa.array([text]).dictionary_encode()}) for text in ("a", "b")]
    producer.share(1, *messages_of(batches))
    producer.end(1)
    first, second = subscription
    del subscription
    assert producer.expect_releases(1) == [1]
    del first
    assert sorted(producer.expect_releases(3)) == [1, 2, 3]
    assert second.column(0).to_pylist() == ["b"]


def test_a_cycle_that_another_thread_collects_is_released(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE)

    class Cycle:
        def __init__(self, batch: pa.RecordBatch) -> None:
            self.batch = batch
            self.myself = self

    gc.disable()
    try:
        Cycle(next(subscription))
        collecting = threading.Thread(target=gc.collect)
        collecting.start()
        collecting.join()
    finally:
        gc.enable()
    assert producer.expect_releases(1) == [1]


def test_every_lease_is_released_once_however_many_threads_drop_them(opened: Opened) -> None:
    producer, _, subscription = opened
    producer.inline(1, SCHEMA)
    count = 2_000

    def produce() -> Iterator[None]:
        credit = 63
        for _ in range(count):
            if credit == 0:
                credit += producer.expect(frames.Credit).messages
            producer.share(1, MESSAGE)
            credit -= 1
            yield

    heaps: list[list[pa.RecordBatch]] = [[] for _ in range(4)]
    for number, _ in enumerate(produce()):
        heaps[number % 4].append(next(subscription))
    threads = [threading.Thread(target=heap.clear) for heap in heaps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(producer.expect_releases(count)) == list(range(1, count + 1))


def test_releases_go_out_before_the_next_batch_is_waited_for(link: Link) -> None:
    producer, peer = link()
    subscription = peer.subscribe("numbers", timeout=0)
    producer.expect_subscribe_and_open()
    producer.inline(1, SCHEMA)
    producer.share(1, *[MESSAGE] * 10)
    batches = [next(subscription) for _ in range(10)]
    assert len(batches) == 10
    batches.clear()
    with pytest.raises(errors.Timeout):
        next(subscription)
    producer.peer.setblocking(False)
    assert sorted(producer.expect_releases(10)) == list(range(1, 11))


def test_a_batch_outlives_its_connection_and_its_producer(link: Link) -> None:
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE)
    producer.end(1)
    (batch,) = subscription
    peer.close()
    producer.expect(frames.Closing)
    producer.close()
    del subscription, peer
    gc.collect()
    assert batch == BATCH


def test_the_socket_stays_open_until_the_last_lease_is_gone(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE, MESSAGE)
    producer.end(1)
    first, second = subscription
    peer.close()
    producer.expect(frames.Closing)
    del first
    assert producer.expect_releases(1) == [1]
    del second
    producer.expect_end()
    assert producer.released == [1, 2]


def test_flush_returns_when_all_that_was_dropped_is_on_its_way(opened: Opened) -> None:
    producer, peer, subscription = opened
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE)
    batch = next(subscription)
    del batch
    peer.flush()
    producer.peer.setblocking(False)
    assert producer.expect_releases(1) == [1]


PROGRAM = Path(__file__).with_name("producer.py")


def start_producer(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, str(PROGRAM), str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "listening\n"
    return process


def test_a_killed_producer_is_gone_and_what_was_read_stays_readable(tmp_path: Path) -> None:
    with start_producer(tmp_path / "socket") as process, arrowlab.connect(tmp_path / "socket", timeout=10) as peer:
        subscription = peer.subscribe("numbers")
        batches = [next(subscription) for _ in range(60)]
        process.kill()
        process.wait()
        with pytest.raises(errors.ProducerGone):
            next(subscription)
        for batch in batches:
            batch.validate(full=True)
            assert batch.column(0).to_pylist() == list(range(1_000))


@pytest.mark.parametrize("close", ["peer.close()", ""])
def test_a_process_that_holds_batches_exits_at_once(tmp_path: Path, close: str) -> None:
    code = f"""
import sys, arrowlab
peer = arrowlab.connect(sys.argv[1], timeout=10)
subscription = peer.subscribe("numbers")
batch = next(subscription)
subscription.close()
{close}
print(batch.num_rows)
"""
    with start_producer(tmp_path / "socket") as process:
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "socket")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert process.wait() == 0
    assert (done.stdout, done.stderr, done.returncode) == ("1000\n", "", 0)
