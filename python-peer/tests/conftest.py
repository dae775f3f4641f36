"""What every test starts with and must leave as it was."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from producer import Producer, Region

import arrowlab

Link = Callable[..., tuple[Producer, arrowlab.Peer]]


def _held() -> tuple[int, int, int]:
    """Descriptors, maps of regions and sending threads of this process."""
    maps = Path("/proc/self/maps").read_text().count("/memfd:")
    senders = sum(thread.name == "arrowlab sender" for thread in threading.enumerate())
    return len(os.listdir("/proc/self/fd")), maps, senders


@pytest.fixture(autouse=True)
def _nothing_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    before = _held()
    yield
    # pytest would keep what the fixtures gave, and with it a peer's map.
    request.node.funcargs.clear()
    deadline = time.monotonic() + 5
    while True:
        gc.collect()
        after = _held()
        if after == before or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert after == before, "expected as many descriptors, maps and threads as before the test"


@pytest.fixture
def link() -> Iterator[Link]:
    """Connects a producer of the test to a real peer; both are closed after the test, the producer first."""
    producers: list[Producer] = []
    peers: list[arrowlab.Peer] = []

    def connect(region: Region | None = None, **options: object) -> tuple[Producer, arrowlab.Peer]:
        ours, theirs = socket.socketpair()
        producer = Producer(ours, region)
        producers.append(producer)
        producer.greet()
        peer = arrowlab.connect(fd=theirs.detach(), **{"timeout": 10, **options})  # type: ignore[arg-type]
        peers.append(peer)
        producer.expect_greeting()
        return producer, peer

    yield connect
    for producer in producers:
        producer.close()
    for peer in peers:
        peer.close()


@pytest.fixture
def opened(link: Link) -> tuple[Producer, arrowlab.Peer, arrowlab.Subscription]:
    """A link with stream 1 open."""
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    return producer, peer, subscription
