"""Every violation is told by number to both sides and ends that connection; batches that were read stay."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pyarrow as pa
import pytest
from conftest import Link
from producer import REGION_BYTES, Producer, messages_of

import arrowlab
from arrowlab import errors, frames
from arrowlab.frames import Frame

BATCH = pa.record_batch({"n": [1, 2, 3]})
SCHEMA, MESSAGE = messages_of([BATCH])
Wrong = Callable[[Producer], Frame | bytes]


def descriptor(**wrong: int) -> Wrong:
    return lambda producer: dataclasses.replace(producer.describe(1, MESSAGE), **wrong)


def frame(wrong: Frame | bytes) -> Wrong:
    return lambda _: wrong


VIOLATIONS: dict[str, tuple[type[arrowlab.Error], Wrong]] = {
    "a frame of 7 bytes": (errors.FrameLength, frame(b"\x07\0\0\0\x03\0\0\0")),
    "a frame of 4 GiB": (errors.FrameLength, frame(b"\xff\xff\xff\xff\x22\0\0\0")),
    "no such type": (errors.FrameType, frame(b"\x08\0\0\0\x7f\0\0\0")),
    "flags": (errors.FrameField, frame(b"\x08\0\0\0\x03\x01\0\0")),
    "READY again": (errors.StreamState, frame(frames.Ready(0, 0))),
    "OPEN twice": (errors.StreamState, frame(frames.Open(1, 0))),
    "OPEN of a stream that never was": (errors.StreamState, frame(frames.Open(11, 0))),
    "a message before OPEN": (errors.StreamState, frame(frames.Inline(3, 0, SCHEMA))),
    "END before OPEN": (errors.StreamState, frame(frames.End(3, 0))),
    "WAITING before OPEN": (errors.StreamState, frame(frames.Waiting(3, 1, 1))),
    "a message of a stream that ended": (errors.StreamState, frame(frames.Inline(5, 1, MESSAGE))),
    "END of a stream that ended": (errors.StreamState, frame(frames.End(5, 0))),
    "ERROR of a stream that ended": (errors.StreamState, frame(frames.Failure(5, 41, ""))),
    "CANCELLED without CANCEL": (errors.StreamState, frame(frames.Cancelled(1))),
    "RESULT without LIST": (errors.StreamState, frame(frames.Result(1, "[]"))),
    "an odd stream from this side": (errors.StreamState, frame(frames.Subscribe(9, 1, "x"))),
    "CREDIT of a stream that never was": (errors.StreamState, frame(frames.Credit(2, 1))),
    "CANCEL of a stream that never was": (errors.StreamState, frame(frames.Cancel(2))),
    "a message skipped": (errors.Sequence, descriptor(sequence=3)),
    "a message again": (errors.Sequence, descriptor(sequence=1)),
    "END too early": (errors.Sequence, frame(frames.End(1, 1))),
    "END too late": (errors.Sequence, frame(frames.End(1, 3))),
    "a lease again": (errors.Sequence, descriptor(lease=1)),
    "an extent beside its page": (errors.ExtentBounds, descriptor(offset=4097)),
    "an extent of 7 bytes": (errors.ExtentBounds, descriptor(length=7)),
    "an extent past the region": (errors.ExtentBounds, descriptor(offset=REGION_BYTES)),
    "an extent over the region's end": (errors.ExtentBounds, descriptor(offset=REGION_BYTES - 4096, length=4097)),
    "an extent that wraps around": (errors.ExtentBounds, descriptor(offset=2**64 - 4096, length=8192)),
    "a lease that was never given": (errors.LeaseUnknown, frame(frames.Release((1,)))),
    "a schema again": (errors.IpcInvalid, lambda producer: producer.describe(1, SCHEMA)),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_named_on_both_sides(link: Link, name: str) -> None:
    error, build = VIOLATIONS[name]
    producer, peer = link()
    subscription, requested, _ended = [peer.subscribe(name) for name in ("open", "requested", "ended")]
    producer.open(1)
    producer.open(5)
    producer.end(5)
    producer.share(1, SCHEMA, MESSAGE)
    batch = next(subscription)
    wrong = build(producer)
    producer.peer.sendall(wrong if isinstance(wrong, bytes) else wrong.encode())
    for _ in range(3):
        producer.expect(frames.Subscribe)
    with pytest.raises(error, match=r"expected .*found") as raised:
        next(subscription)
    told = producer.expect_error()
    assert (told.number, told.message) == (error.number, str(raised.value))
    with pytest.raises(error):
        next(requested)
    with pytest.raises(error):
        peer.subscribe("again")
    assert batch == BATCH


def test_one_connection_that_breaks_leaves_the_others_alone(link: Link) -> None:
    bad, its_peer = link()
    good, peer = link()
    its_subscription, subscription = its_peer.subscribe("bad"), peer.subscribe("good")
    bad.send(frames.Ready(0, 0))
    good.expect_subscribe_and_open()
    good.share(1, SCHEMA, MESSAGE)
    good.end(1)
    with pytest.raises(errors.StreamState):
        next(its_subscription)
    assert list(subscription) == [BATCH]


def test_the_error_that_the_producer_tells_is_the_one_that_is_raised(link: Link) -> None:
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.share(1, SCHEMA, MESSAGE)
    producer.send(frames.Failure(0, errors.CreditExceeded.number, "you granted too much"))
    assert next(subscription) == BATCH
    with pytest.raises(errors.CreditExceeded, match="you granted too much"):
        next(subscription)
    producer.expect_end()


@pytest.mark.parametrize("after", [frames.Open(1, 0), frames.Closing(), frames.Failure(0, 41, "")])
def test_nothing_but_release_follows_closing(link: Link, after: Frame) -> None:
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect(frames.Subscribe)
    producer.send(frames.Closing(), after)
    with pytest.raises(errors.ProducerGone):
        next(subscription)
    assert producer.expect_error().number == errors.StreamState.number


def test_a_peer_that_asks_and_never_reads_is_given_up(link: Link) -> None:
    producer, peer = link()
    subscription = peer.subscribe("numbers", timeout=0)
    for first in range(2, 100_000, 400):
        producer.send(*[frames.Subscribe(number, 1, "n" * 255) for number in range(first, first + 400, 2)])
        with pytest.raises((errors.Timeout, errors.TooManyStreams)) as raised:
            next(subscription)
        if raised.type is errors.TooManyStreams:
            break
    with pytest.raises(errors.TooManyStreams):
        next(subscription)
