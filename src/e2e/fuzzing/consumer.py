"""The consumer under test in Python; see consumer.ts for what it does.

usage: consumer.py HOSTILE HONEST
"""

import gc
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

import arrowlab
from arrowlab.checksum import checksum

HOSTILE, HONEST = sys.argv[1:]
MAX_SUBSCRIPTIONS = 50
HONEST_SUM = 499_999_500_000


def columns(batch: pa.RecordBatch) -> list[pa.Array]:
    """The columns, of types that pyarrow has a class of arrays for: a changed byte can make others, such as intervals of months."""
    try:
        return batch.columns
    except KeyError:
        return []


def read_stream(peer: arrowlab.Peer) -> str:
    try:
        for batch in peer.subscribe("s", validate="full"):
            for column in columns(batch):
                checksum([column])
    except arrowlab.Error as error:
        return error.code
    return "END"


def read_again(peer: arrowlab.Peer) -> str:
    first = read_stream(peer)
    for _ in range(1, MAX_SUBSCRIPTIONS):
        read_stream(peer)
    return first


def attack(readers: int) -> list[str]:
    try:
        with arrowlab.connect(HOSTILE) as peer:
            with ThreadPoolExecutor(readers) as pool:
                return [reading.result() for reading in [pool.submit(read_again, peer) for _ in range(readers)]]
    except arrowlab.Error as error:
        return [error.code]


class Honest(threading.Thread):
    """Reads an honest stream over and over. That this fails ends the process at its next answer."""

    rounds = 0
    failure: BaseException | None = None
    is_wanted = True

    def run(self) -> None:
        try:
            with arrowlab.connect(HONEST) as peer:
                while self.is_wanted:
                    total = sum(batch["n"].to_numpy().sum() for batch in peer.subscribe("honest"))
                    if total != HONEST_SUM:
                        raise AssertionError(f"expected another sum than {total}")
                    self.rounds += 1
                    time.sleep(0.005)
        except Exception as failure:
            self.failure = failure


def main() -> None:
    honest = Honest(daemon=True)
    honest.start()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        word, *counts = line.split()
        answer: object = honest.rounds
        if word == "attack":
            count, readers = map(int, counts)
            with ThreadPoolExecutor(count) as pool:
                answer = list(pool.map(attack, [readers] * count))
        elif word == "collect":
            gc.collect()
        if honest.failure:
            raise honest.failure
        print(json.dumps(answer), flush=True)
    honest.is_wanted = False
    honest.join()


main()
