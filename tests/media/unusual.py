"""Streams and containers that no encoder at hand writes, made by changing single bits."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext


class BitWriter:
    """Writes numbers bit by bit, as H.264 wants them."""

    def __init__(self) -> None:
        self.bits = ""

    def u(self, value: int, count: int) -> BitWriter:
        self.bits += format(value, f"0{count}b")
        return self

    def ue(self, *values: int) -> BitWriter:
        for value in values:
            code = format(value + 1, "b")
            self.bits += "0" * (len(code) - 1) + code
        return self

    def align(self) -> BitWriter:
        self.bits += "0" * (-len(self.bits) % 8)
        return self

    def raw(self, data: bytes) -> BitWriter:
        assert len(self.bits) % 8 == 0
        self.bits += "".join(format(b, "08b") for b in data)
        return self

    def nal(self, head: int) -> bytes:
        """A NAL unit with its start code, closed and protected."""
        closed = self.bits + "1"
        closed += "0" * (-len(closed) % 8)
        body = int(closed, 2).to_bytes(len(closed) // 8, "big")
        out, zeros = bytearray(), 0
        for byte in body:
            if zeros >= 2 and byte <= 3:
                out.append(3)
                zeros = 0
            out.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\0\0\0\1" + bytes([head]) + bytes(out)


def uncompressed_h264(index: int, field: int | None) -> bytes:
    """A picture of 32x32 in H.264, of grey blocks that are not compressed, without any timing.

    Args:
        index: of the picture, from 0; the first has the parameter sets before it.
        field: 0 top, 1 bottom, None for a whole picture.
    """
    fields = field is not None
    sps = BitWriter().u(77, 8).u(0, 8).u(30, 8).ue(0, 0, 0, 4, 1).u(0, 1)
    if fields:
        sps.ue(1, 0).u(0, 2).u(1, 1).u(0, 2)
    else:
        sps.ue(1, 1).u(1, 1).u(1, 1).u(0, 2)
    pps = BitWriter().ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 3).ue(0, 0, 0).u(4, 3)
    idr = index == 0 and field != 1
    head = BitWriter().ue(0, 7, 0).u(index % 16, 4)
    if field is not None:
        head.u(1, 1).u(field, 1)
    if idr:
        head.ue(0)
    head.u((2 * index + (field or 0)) % 256, 8).u(0, 2 if idr else 1).ue(0, 1)
    for _ in range(2 if fields else 4):
        head.ue(25).align().raw(bytes([60 + index % 16 * 10] * 256 + [128] * 128))
    sets = sps.nal(0x67) + pps.nal(0x68) if idr else b""
    return sets + head.nal(0x65 if idr else 0x21)


def untimed(path: Path, frames: int) -> Path:
    """A raw H.264 stream without timing."""
    path.write_bytes(b"".join(uncompressed_h264(i, None) for i in range(frames)))
    return path


def field_coded(path: Path, frames: int = 12) -> Path:
    """H.264 in which every picture is two fields, each a packet with a time of its own."""
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_mux_stream("h264", rate=25, width=32, height=32)
        stream.time_base = Fraction(1, 90000)
        for index in range(frames):
            for field in (0, 1):
                packet = av.Packet(uncompressed_h264(index, field))
                packet.stream, packet.time_base = stream, Fraction(1, 90000)
                packet.pts = packet.dts = 90000 + 3600 * index + 1800 * field
                packet.duration = 1800
                packet.is_keyframe = index + field == 0
                out.mux(packet)
    return path


def change_packets(source: Path, target: Path, change: Callable[[int, bytes], bytes]) -> Path:
    """Copy the video stream of a file with other bytes in its packets."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        stream = given.streams.video[0]
        made = out.add_stream_from_template(stream)
        made.metadata.update(stream.metadata)
        for index, packet in enumerate(p for p in given.demux(stream) if p.size):
            other = av.Packet(change(index, bytes(packet)))
            other.stream, other.time_base = made, packet.time_base
            other.pts, other.dts, other.duration = packet.pts, packet.dts, packet.duration
            other.is_keyframe = packet.is_keyframe
            out.mux(other)
    return target


def filtered(source: Path, target: Path, name: str) -> Path:
    """Copy the video stream of a file through one of FFmpeg's bitstream filters."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        stream = given.streams.video[0]
        made = out.add_stream_from_template(stream)
        change = BitStreamFilterContext(name, stream, made)
        for packet in given.demux(stream):
            if packet.size:
                for other in change.filter(packet):
                    other.stream = made
                    out.mux(other)
    return target


def with_pixel_crop(source: Path, target: Path, *, right: int) -> Path:
    """A Matroska file whose container crops its pictures at the right."""
    data = bytearray(source.read_bytes())
    path = _elements_to(data, (0x18538067, 0x1654AE6B, 0xAE, 0xE0))
    insert = b"\x54\xdd\x82" + right.to_bytes(2, "big")
    for start, size_bytes, size in path:
        new = (size + len(insert)) | 1 << (7 * size_bytes)
        data[start : start + size_bytes] = new.to_bytes(size_bytes, "big")
    start, size_bytes, _ = path[-1]
    data[start + size_bytes : start + size_bytes] = insert
    target.write_bytes(data)
    return target


def _elements_to(data: bytes, names: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Where the sizes of nested elements are: (offset, bytes, value) of each."""
    found = []
    at, end = 0, len(data)
    for name in names:
        while at < end:
            width = 9 - data[at].bit_length()
            identifier = int.from_bytes(data[at : at + width], "big")
            at += width
            size_bytes = 9 - data[at].bit_length()
            size = int.from_bytes(data[at : at + size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
            body = at + size_bytes
            if identifier == name:
                assert size_bytes > 1 or size < 120
                found.append((at, size_bytes, size))
                at, end = body, body + size
                break
            at = body + size
    assert len(found) == len(names)
    return found


def with_clean_aperture(source: Path, target: Path, width: int, height: int) -> Path:
    """An MP4 file whose first picture's centre only is to be shown."""
    data = bytearray(source.read_bytes())
    clap = struct.pack(">I4sIIIIiIiI", 40, b"clap", width, 1, height, 1, 0, 1, 0, 1)
    names = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    at, end = 0, len(data)
    sizes = []
    for name in names:
        for start, size, found in _boxes(data, at, end):
            if found == name:
                sizes.append(start)
                at, end = start + 8 + (8 if name == b"stsd" else 0), start + size
                break
    assert len(sizes) == len(names)
    assert data.find(b"mdat") < sizes[0]
    for start in sizes:
        size = int.from_bytes(data[start : start + 4], "big") + len(clap)
        data[start : start + 4] = size.to_bytes(4, "big")
    data[end:end] = clap
    target.write_bytes(data)
    return target


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    while at + 8 <= end:
        size = int.from_bytes(data[at : at + 4], "big")
        yield at, size, bytes(data[at + 4 : at + 8])
        at += size
