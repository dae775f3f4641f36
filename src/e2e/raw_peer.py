"""A peer that knows nothing of Arrowlab but bytes: for tests of what others do with wrong ones.

usage: raw_peer.py [--uid UID] PATH SCENARIO [HEX]
       raw_peer.py --serve PATH SCENARIO HEX HEX

Becomes another user, where it is told to. Connects (or waits for a caller), sends the HELLO of SCENARIO, then HEX (the second HEX once a SUBSCRIBE has come), reads
until the other side closes (or, where it should not, for 1 s), and prints one JSON object:
{"hello": HEX, "frames": [[type, number, message], ...], "closed": true, "descriptors": n}: the other side's HELLO, the
frames after it, and how many descriptors came with them.
"""

import array
import contextlib
import fcntl
import json
import os
import socket
import struct
import sys

REGION_BYTES = 1 << 20
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def region(size: int = REGION_BYTES, seals: int = SEALS, flags: int = os.O_RDONLY) -> int:
    fd = os.memfd_create("raw", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return os.open(f"/proc/self/fd/{fd}", flags)


def hello(
    magic: bytes = b"ARROWLAB", major: int = 1, length: int = 128, size: int = REGION_BYTES, name: bytes = b"raw"
) -> bytes:
    fixed = struct.pack("<HHIQQII", major, 0, length, 0, size, os.getpid(), len(name))
    return magic + fixed + name.ljust(80, b"\0") + bytes(8)


def scenario(name: str) -> tuple[bytes, list[int]]:
    match name:
        case "good":
            return hello(), [region()]
        case "http":
            return b"GET / HTTP/1.1\r\n\r\n", []
        case "newer-major":
            return hello(major=2), [region()]
        case "malformed":
            return hello(length=64), [region()]
        case "no-fd":
            return hello(), []
        case "two-fds":
            return hello(), [region(), region()]
        case "pipe":
            return hello(), [os.pipe()[0]]
        case "file":
            return hello(), [os.open(sys.executable, os.O_RDONLY)]
        case "writable":
            return hello(), [region(flags=os.O_RDWR)]
        case "unsealed":
            return hello(), [region(seals=fcntl.F_SEAL_SHRINK)]
        case "short":
            return hello(), [region(size=4096)]
        case "half":
            return hello()[:64], [region()]
        case "silence":
            return b"", []
        case _ if name.startswith("hello:"):  # hello:HEX:BYTES, with a region of so many bytes
            _, first, size = name.split(":")
            return bytes.fromhex(first), [region(size=int(size))]
    raise SystemExit(f"no scenario {name}")


descriptors: list[int] = []


def exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part, fds, _, _ = socket.recv_fds(sock, count - len(data), 16)
        descriptors.extend(fds)
        if not part:
            raise EOFError
        data += part
    return data


def meet(path: str, serve: bool) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    if not serve:
        sock.connect(path)
        return sock
    sock.bind(path)
    sock.listen()
    print("listening", flush=True)
    return sock.accept()[0]


def main() -> None:
    if sys.argv[1] == "--uid":
        os.setuid(int(sys.argv[2]))
        del sys.argv[1:3]
    serve = sys.argv[1] == "--serve"
    path, name, *rest = sys.argv[1 + serve :]
    sock = meet(path, serve)
    sock.settimeout(4 if name in ("silence", "no-fd") else 1)
    first, fds = scenario(name)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    with contextlib.suppress(BrokenPipeError):  # the other side's verdict is still to be read
        if first:
            sock.sendmsg([first], rights)
        sock.sendall(bytes.fromhex("".join(rest[:1])))
    if name == "half":
        sock.shutdown(socket.SHUT_WR)
    greeting, frames, closed = "", [], False
    try:
        greeting = exactly(sock, 128).hex()
        while True:
            header = exactly(sock, 8)
            length, kind = struct.unpack("<IB", header[:5])
            body = exactly(sock, length - 8)
            if kind == 0x10 and serve:
                sock.sendall(bytes.fromhex(rest[1]))
            number = struct.unpack("<I", body[4:8])[0] if kind == 2 else 0
            frames.append([kind, number, body[8:].decode("utf8", "replace") if kind == 2 else ""])
    except (EOFError, ConnectionResetError):
        closed = True
    except TimeoutError:
        pass
    print(json.dumps({"hello": greeting, "frames": frames, "closed": closed, "descriptors": len(descriptors)}))


main()
