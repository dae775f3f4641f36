"""Cuts what a socket brings into frames (PROTOCOL.md, section 4)."""

from __future__ import annotations

from collections.abc import Iterator

from arrowlab import frames
from arrowlab.errors import FrameField, FrameLength, FrameType
from arrowlab.frames import HEADER, HEADER_BYTES, MAX_FRAME_BYTES, Frame

_FRAMES: tuple[type[Frame], ...] = (
    frames.Ready,
    frames.Failure,
    frames.Closing,
    frames.Subscribe,
    frames.Credit,
    frames.Release,
    frames.Cancel,
    frames.List,
    frames.Call,
    frames.Open,
    frames.Descriptor,
    frames.Inline,
    frames.End,
    frames.Waiting,
    frames.Cancelled,
    frames.Result,
)
_FRAME_OF_TYPE = {frame.TYPE: frame for frame in _FRAMES}


class Decoder:
    """Cuts what a socket brings, in pieces of any size, into frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, piece: bytes | memoryview) -> None:
        self._bytes += piece

    def missing_bytes(self) -> int:
        """How much more the frame that has begun needs. Raises as `frames` does."""
        if len(self._bytes) < HEADER_BYTES:
            return HEADER_BYTES - len(self._bytes)
        _, length, _ = self._header(self._bytes, 0)
        return max(0, length - len(self._bytes))

    def frames(self, piece: bytes | memoryview = b"") -> Iterator[Frame]:
        """The frames that are complete, with this piece, each taken out of the decoder once.

        The piece is read where it lies: what of it makes no whole frame is kept, as `feed` does, once all are taken.

        Raises FrameLength or FrameType as soon as a header is there, FrameField when its frame is; nothing after that
        can be trusted.
        """
        if self._bytes:
            self.feed(piece)
        source = self._bytes or piece
        at = 0
        try:
            while len(source) - at >= HEADER_BYTES:
                frame, length, unused = self._header(source, at)
                if len(source) - at < length:
                    return
                if unused:
                    raise FrameField(f"expected flags and reserved fields of 0, found {unused:#x}")
                content = bytes(source[at + HEADER_BYTES : at + length])
                at += length
                yield frame.decode(content)
        finally:
            if source is self._bytes:
                del self._bytes[:at]
            else:
                self._bytes += source[at:]

    @staticmethod
    def _header(source: bytes | bytearray | memoryview, at: int) -> tuple[type[Frame], int, int]:
        """Which frame begins here, its length, and its flags and reserved bits, which have to be 0."""
        length, number, flags, reserved = HEADER.unpack_from(source, at)
        if not HEADER_BYTES <= length <= MAX_FRAME_BYTES:
            raise FrameLength(f"expected a frame of 8 to {MAX_FRAME_BYTES} bytes, found one of {length}")
        frame = _FRAME_OF_TYPE.get(number)
        if frame is None:
            raise FrameType(f"expected a type of frame that version 1 has, found 0x{number:02x}")
        if length not in frame.LENGTHS:
            raise FrameLength(f"expected a length that {frame.__name__} can have, found {length} bytes")
        return frame, length, flags | reserved
