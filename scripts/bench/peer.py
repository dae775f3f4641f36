"""The Python side of the handoff benchmark: over descriptor 3, either echoes 32 bytes for ever, or reads the stream "bench"."""

import json
import socket
import sys
import time


def echo() -> None:
    sock = socket.socket(fileno=3)
    while data := sock.recv(32, socket.MSG_WAITALL):
        sock.sendall(data)


def read() -> None:
    import arrowlab

    readable_ns: list[int] = []
    with arrowlab.connect(fd=3) as peer:
        for batch in peer.subscribe("bench"):
            _ = batch.column(0)[0]
            readable_ns.append(time.monotonic_ns())
            del batch
    print(json.dumps([str(ns) for ns in readable_ns]))


echo() if sys.argv[1] == "echo" else read()
