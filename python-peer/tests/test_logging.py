"""The logger "arrowlab" tells what happens underneath, to a program that asks, and keeps no batch by it."""

from __future__ import annotations

import logging
import subprocess
import sys

import pyarrow as pa
import pytest
from conftest import Link
from producer import messages_of

from arrowlab import errors, frames

BATCH = pa.record_batch({"n": [1, 2, 3]})
SCHEMA, MESSAGE = messages_of([BATCH])


def test_each_step_of_a_connection_is_told(link: Link, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "arrowlab")
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.inline(1, SCHEMA)
    producer.share(1, MESSAGE, MESSAGE)
    held = next(subscription)
    next(subscription)
    producer.send(frames.Waiting(1, 4096, 8192))
    producer.end(1)
    assert list(subscription) == []
    assert producer.expect_releases(1) == [2]
    peer.close()
    assert held == BATCH
    told = [record.getMessage() for record in caplog.records if record.name == "arrowlab"]
    expected = (
        "connected to 'test producer'",
        "subscribed to stream 1 ('numbers')",
        "the producer of stream 1 ('numbers') waits for 4096 bytes, 8192 are held here",
        "released 1 leases, 1 are held",
        "closed: 1 leases are held",
    )
    for line in expected:
        assert any(message.startswith(line) for message in told), (line, told)


def test_records_that_a_handler_keeps_keep_nothing_else(link: Link, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "arrowlab")
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.share(1, SCHEMA)
    producer.send(frames.End(1, 7))
    with pytest.raises(errors.Sequence):
        next(subscription)
    told = [record for record in caplog.records if record.name == "arrowlab"]
    assert any("broke the protocol (ERR_ARROWLAB_SEQUENCE)" in record.getMessage() for record in told)
    assert all(isinstance(argument, str | int | float) for record in told for argument in record.args or ())


def test_nothing_is_printed_where_no_logging_is_set_up() -> None:
    code = 'import arrowlab, logging; logging.getLogger("arrowlab").warning("the peer broke the protocol")'
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
