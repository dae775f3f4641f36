"""The golden frames of `src/wire/vectors`, which all three languages read."""

from __future__ import annotations

import dataclasses
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import arrowlab
from arrowlab import frames
from arrowlab.decoder import Decoder
from arrowlab.frames import Frame
from arrowlab.hello import Hello, decode_hello

WIRE = Path(__file__).parents[2] / "src" / "wire"
FRAMES = json.loads((WIRE / "vectors" / "frames.json").read_text())
HELLOS = json.loads((WIRE / "vectors" / "hello.json").read_text())
EVERY = [row for file in (FRAMES, HELLOS) for rows in (file["valid"], file["invalid"]) for row in rows]


def named(rows: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row["name"] for row in rows])


def fields_of(frame: Frame | Hello) -> dict[str, Any]:
    """The fields as the vectors have them: camelCase, and integers of 64 bits as decimal strings."""
    renamed = {"message": "bytes"} if isinstance(frame, frames.Inline) else {"region_bytes": "region_size"}
    long = {"features", "regionSize", "reservation", "sequence", "lease", "offset", "length", "needed", "held"}
    found: dict[str, Any] = {}
    for name, value in dataclasses.asdict(frame).items():
        key = re.sub(r"_(.)", lambda match: match[1].upper(), renamed.get(name, name))
        match value:
            case bytes():
                found[key] = value.hex()
            case tuple():
                found[key] = [str(lease) for lease in value]
            case _:
                found[key] = str(value) if key in long else value
    return found


def type_of(frame: Frame) -> str:
    return "ERROR" if isinstance(frame, frames.Failure) else type(frame).__name__.upper()


def decode(data: bytes) -> Frame:
    decoder = Decoder()
    decoder.feed(data)
    (frame,) = decoder.frames()
    return frame


def decode_byte_by_byte(data: bytes) -> Iterator[Frame]:
    decoder = Decoder()
    for byte in data:
        decoder.feed(bytes([byte]))
        yield from decoder.frames()


@named(EVERY)
def test_the_bytes_are_those_that_were_written_down(row: dict[str, Any]) -> None:
    assert f"{zlib.crc32(bytes.fromhex(row['hex'])):08x}" == row["crc32"]


@named(FRAMES["valid"])
def test_a_frame_decodes_to_its_fields_and_back(row: dict[str, Any]) -> None:
    frame = decode(bytes.fromhex(row["hex"]))
    assert (type_of(frame), fields_of(frame)) == (row["type"], row["fields"])
    assert frame.encode().hex() == row["hex"]


@named(FRAMES["valid"])
def test_a_frame_that_comes_byte_by_byte_is_the_same(row: dict[str, Any]) -> None:
    data = bytes.fromhex(row["hex"])
    assert list(decode_byte_by_byte(data)) == [decode(data)]


def test_frames_that_come_at_once_are_the_same() -> None:
    rows = [bytes.fromhex(row["hex"]) for row in FRAMES["valid"]]
    decoder = Decoder()
    decoder.feed(b"".join(rows))
    assert list(decoder.frames()) == [decode(row) for row in rows]


@named(FRAMES["invalid"])
def test_a_wrong_frame_is_refused_by_name(row: dict[str, Any]) -> None:
    with pytest.raises(arrowlab.Error) as whole:
        decode(bytes.fromhex(row["hex"]))
    with pytest.raises(arrowlab.Error) as pieces:
        list(decode_byte_by_byte(bytes.fromhex(row["hex"])))
    assert whole.value.code == pieces.value.code == f"ERR_ARROWLAB_{row['error']}"


@named(HELLOS["valid"])
def test_a_hello_decodes_to_its_fields_and_back(row: dict[str, Any]) -> None:
    hello = decode_hello(bytes.fromhex(row["hex"]))
    assert fields_of(hello) == row["fields"]
    assert hello.encode().hex() == row["hex"]


@named(HELLOS["invalid"])
def test_a_wrong_hello_is_refused_by_name(row: dict[str, Any]) -> None:
    with pytest.raises(arrowlab.Error) as raised:
        decode_hello(bytes.fromhex(row["hex"]))
    assert raised.value.code == f"ERR_ARROWLAB_{row['error']}"


def test_the_errors_are_those_of_the_specification() -> None:
    listed = json.loads((WIRE / "errors.json").read_text())
    written = [
        {"number": number, "name": kind.code.removeprefix("ERR_ARROWLAB_"), "meaning": meaning(kind)}
        for number, kind in sorted(arrowlab.Error.by_number.items())
    ]
    assert written == listed


def meaning(kind: type[arrowlab.Error]) -> str:
    text = (kind.__doc__ or "").removesuffix(".")
    return text[:1].lower() + text[1:]


def test_an_unknown_number_keeps_its_digits() -> None:
    error = arrowlab.Error.from_wire(4_000_000_000, "who knows")
    assert (error.number, error.code, str(error)) == (4_000_000_000, "ERR_ARROWLAB_4000000000", "who knows")
    assert arrowlab.Error.from_wire(50, "late").__class__ is arrowlab.Timeout
