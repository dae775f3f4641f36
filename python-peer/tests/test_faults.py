"""What goes wrong around a connection: limits of the system, core dumps, processes that fork."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import Link
from producer import Producer, Region, messages_of

import arrowlab
from arrowlab import frames

BATCH = pa.record_batch({"n": pa.array(range(1_000), pa.int64())})
SCHEMA, MESSAGE = messages_of([BATCH])
GIB = 1 << 30

# Connects over the descriptor that is its first argument, after what the test puts in the middle; says what came of it.
CONSUMER = """
import os, resource, signal, sys, arrowlab
{before}
try:
    with arrowlab.connect(fd=int(sys.argv[1]), timeout=10) as peer:
        batches = list(peer.subscribe("numbers"))
        {then}
        print(sum(len(batch) for batch in batches))
except arrowlab.Error as error:
    print(error.code, error)
"""


def start_consumer(theirs: socket.socket, before: str = "", then: str = "") -> subprocess.Popen[str]:
    code = CONSUMER.format(before=before, then=then)
    command = [sys.executable, "-c", code, str(theirs.fileno())]
    process = subprocess.Popen(
        command, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    theirs.close()
    return process


def consume(region_bytes: int, before: str = "", then: str = "") -> str:
    """What a process prints that reads two batches from a region of this size."""
    ours, theirs = socket.socketpair()
    region = Region(region_bytes)
    producer = Producer(ours, region)
    with start_consumer(theirs, before, then) as process:
        producer.greet()
        producer.open(1)
        producer.inline(1, SCHEMA)
        producer.share(1, MESSAGE, MESSAGE)
        producer.end(1)
        printed, _ = process.communicate(timeout=60)
    producer.close()
    return printed


LESS_ADDRESS_SPACE = "resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))"


def test_a_region_past_the_limit_of_address_space_is_refused_by_name() -> None:
    printed = consume(64 * GIB, LESS_ADDRESS_SPACE)
    assert printed.startswith(f"ERR_ARROWLAB_ADDRESS_SPACE expected {64 * GIB} bytes of address space")
    assert "ulimit -v" in printed


def test_a_region_within_the_limit_of_address_space_is_read() -> None:
    assert consume(GIB, LESS_ADDRESS_SPACE) == "2000\n"


@pytest.mark.parametrize("heeds_signals", [False, True])
def test_a_limit_of_file_sizes_is_an_error_and_no_signal(heeds_signals: bool) -> None:
    before = "resource.setrlimit(resource.RLIMIT_FSIZE, (4095, 4095))"
    if heeds_signals:
        before += "; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)"
    printed = consume(GIB, before)
    assert printed.startswith("ERR_ARROWLAB_ADDRESS_SPACE")
    assert "ulimit -f" in printed


def test_a_page_within_the_limit_of_file_sizes_is_enough() -> None:
    assert consume(GIB, "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))") == "2000\n"


def test_every_map_of_a_region_is_left_out_of_core_dumps(link: Link) -> None:
    _producer, _peer = link()
    flags = [entry for entry in _maps() if "/memfd:producer" in entry and "r--s" in entry]
    assert len(flags) == 1
    assert all(" dd" in entry.split("VmFlags:")[1] for entry in flags)


def _maps() -> Iterator[str]:
    """The entries of /proc/self/smaps."""
    entry = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        entry += line + "\n"
        if line.startswith("VmFlags:"):
            yield entry
            entry = ""


def test_a_core_dump_leaves_the_regions_pages_as_they_were(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    region = Region(GIB)
    producer = Producer(ours, region)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    limit = f"os.chdir({str(tmp_path)!r}); resource.setrlimit(resource.RLIMIT_CORE, ({hard}, {hard}))"
    with start_consumer(theirs, limit, "print('read', flush=True); os.abort()") as process:
        producer.greet()
        producer.open(1)
        producer.inline(1, SCHEMA)
        producer.share(1, MESSAGE)
        producer.end(1)
        assert process.stdout is not None
        assert process.stdout.readline() == "read\n"
        resident = os.fstat(region.writable).st_blocks
        assert process.wait(60) == -signal.SIGABRT
    assert resident > 0
    assert os.fstat(region.writable).st_blocks == resident
    producer.close()


FORKS = {
    "os.fork": """
child = os.fork()
if child == 0:
    in_the_child()
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
""",
    "multiprocessing": """
import multiprocessing
child = multiprocessing.get_context("fork").Process(target=in_the_child)
child.start()
child.join()
assert child.exitcode == 0, child.exitcode
""",
}

FORKING = """
import gc, os, sys, threading, time, warnings
import arrowlab
warnings.simplefilter("ignore", DeprecationWarning)

peer = arrowlab.connect(fd=int(sys.argv[1]), timeout=10)
subscription = peer.subscribe("numbers")
waiting = peer.subscribe("never published")
batches = [next(subscription), next(subscription)]
# Holds the locks of the connection and of its subscription while the process forks.
blocked = threading.Thread(target=lambda: next(waiting, None), daemon=True)
blocked.start()
time.sleep(0.1)

def refused(call):
    try:
        call()
    except arrowlab.Closed as error:
        assert "fork" in str(error), error
        return
    raise AssertionError("expected CLOSED")

def in_the_child():
    sockets = [fd for fd in os.listdir("/proc/self/fd") if _links_to_socket(fd)]
    assert sockets == [], sockets
    refused(lambda: next(subscription))
    refused(lambda: next(waiting))
    refused(lambda: peer.subscribe("other"))
    refused(peer.flush)
    assert batches[0].column(0).to_pylist() == list(range(1000))
    batches.clear()
    gc.collect()
    subscription.close()
    peer.close()

def _links_to_socket(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except OSError:
        return False

"""

AFTER = """
assert sum(len(batch) for batch in batches) == 2000
print("forked", flush=True)
assert len(next(subscription)) == 1000
batches.clear()
peer.flush()
print("done", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("way", FORKS)
def test_a_fork_takes_nothing_from_the_parent_and_gives_the_child_nothing_but_its_batches(way: str) -> None:
    ours, theirs = socket.socketpair()
    producer = Producer(ours)
    command = [sys.executable, "-c", FORKING + FORKS[way] + AFTER, str(theirs.fileno())]
    with subprocess.Popen(
        command, pass_fds=[theirs.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        theirs.close()
        producer.greet()
        producer.expect_greeting()
        producer.expect_subscribe_and_open()
        producer.expect(frames.Subscribe)
        producer.inline(1, SCHEMA)
        producer.share(1, MESSAGE, MESSAGE)
        assert process.stdout is not None
        assert process.stdout.readline() == "forked\n"
        # The child has dropped its batches and is gone: nothing was released, and the socket is as it was.
        producer.peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            producer.expect(frames.Release)
        producer.peer.settimeout(30)
        producer.share(1, MESSAGE)
        assert process.stdout.readline() == "done\n"
        assert sorted(producer.expect_releases(3)) == [1, 2, 3]
        process.kill()
    producer.close()


def test_a_connection_opened_in_the_child_works(link: Link) -> None:
    _producer, _peer = link()
    child = os.fork()
    if child == 0:
        try:
            os._exit(_reads_in_the_child())
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def _reads_in_the_child() -> int:
    ours, theirs = socket.socketpair()
    producer = Producer(ours)
    producer.greet()
    producer.open(1)
    producer.share(1, SCHEMA, MESSAGE)
    producer.end(1)
    with arrowlab.connect(fd=theirs.detach(), timeout=10) as peer:
        return 0 if list(peer.subscribe("numbers")) == [BATCH] else 1


EXITING = """
import mmap, os, threading, time
from arrowlab.mapping import Mapping

class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(1)

fd = os.memfd_create("exiting")
os.ftruncate(fd, 1 << 28)
maps = [Mapping(fd, 1 << 28)]
with mmap.mmap(fd, 1 << 28) as pages:
    pages.madvise(23)  # MADV_POPULATE_WRITE
memoryview(maps[0]._pages)[:: mmap.PAGESIZE].tobytes()
threading.Thread(target=maps.clear, daemon=True).start()
slow = Slow()
"""


def test_a_thread_that_unmaps_while_the_process_exits_does_no_harm() -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", EXITING], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
