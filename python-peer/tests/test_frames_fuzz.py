"""Whatever a socket brings, in whatever pieces: the decoder gives frames or raises an error of its own."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from arrowlab.decoder import Decoder
from arrowlab.errors import FrameField, FrameLength, FrameType
from arrowlab.frames import MAX_FRAME_BYTES

VECTORS = json.loads((Path(__file__).parents[2] / "src" / "wire" / "vectors" / "frames.json").read_text())
GOLDEN = [bytes.fromhex(row["hex"]) for row in VECTORS["valid"] + VECTORS["invalid"]]


@st.composite
def almost_frames(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(GOLDEN)))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@given(
    pieces=st.lists(st.one_of(almost_frames(), st.binary(max_size=64)), max_size=8),
    size=st.integers(1, 100),
)
@settings(max_examples=3_000, deadline=None)
def test_the_decoder_raises_nothing_but_its_errors(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)
    decoder = Decoder()
    encoded = b""
    with contextlib.suppress(FrameLength, FrameType, FrameField):
        for at in range(0, len(data), size):
            decoder.feed(data[at : at + size])
            for frame in decoder.frames():
                encoded += frame.encode()
            assert 0 < decoder.missing_bytes() <= MAX_FRAME_BYTES
    assert data.startswith(encoded)
