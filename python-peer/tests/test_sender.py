import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from arrowlab.frames import Credit, Failure
from arrowlab.lease import Ledger
from arrowlab.mapping import Mapping
from arrowlab.sender import Sender

LAST_WORDS = Failure(0, 20, "the last words")


def heard_of(sender: Sender, peer: socket.socket) -> bytes:
    """What the peer hears while one thread sends and another says the last words."""
    is_over = threading.Event()

    def chatter() -> None:
        while not is_over.is_set():
            sender.send(Credit(1, 1))

    thread = threading.Thread(target=chatter)
    thread.start()
    heard = peer.recv(1)
    sender.abort(LAST_WORDS)
    is_over.set()
    thread.join()
    while piece := peer.recv(1 << 20):
        heard += piece
    return heard


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that take turns as often as can be."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


@pytest.mark.usefixtures("restless")
def test_nothing_follows_the_last_words_whoever_else_sends() -> None:
    told = 0
    for _ in range(300):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            heard = heard_of(Sender(ours, Ledger(Mapping.__new__(Mapping))), theirs)
        _, words, after = heard.partition(LAST_WORDS.encode())
        assert after == b""
        told += words != b""  # a socket that is full does not take them any more
    assert told > 0
