"""What a video stream's own bits say where FFmpeg's interface says nothing."""

from __future__ import annotations

from typing import Any

from av import Packet
from av.video.stream import VideoStream

_HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244})
_SPS = 7


class _Bits:
    """Reads a NAL unit's payload bit by bit (ITU-T H.264, 7.2 and 9.1)."""

    def __init__(self, payload: bytes) -> None:
        data = payload.replace(b"\0\0\3", b"\0\0")  # emulation prevention
        self._bits = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the parameter set ends too early")
        self._left -= count
        return self._bits >> self._left & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        zeros = 0
        while self.take(1) == 0:
            zeros += 1
            if zeros > 32:
                raise ValueError("no Exp-Golomb code")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        code = self.exp_golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def may_code_fields(stream: VideoStream) -> bool:
    """Whether this is H.264 whose pictures may be coded as two fields (frame_mbs_only_flag 0)."""
    context = stream.codec_context
    if context.codec.canonical_name != "h264" or not context.extradata:
        return False
    for payload in _parameter_sets(bytes(context.extradata)):
        try:
            if not _frames_only(payload):
                return True
        except ValueError:
            continue
    return False


def _parameter_sets(extradata: bytes) -> list[bytes]:
    """Sequence parameter sets, from an Annex B stream or an avcC box (ISO/IEC 14496-15, 5.3.3)."""
    if extradata[:1] == b"\1":
        found, at = [], 6
        for _ in range(extradata[5] & 0x1F if len(extradata) > 5 else 0):
            size = int.from_bytes(extradata[at : at + 2], "big")
            found.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    else:
        found = extradata.split(b"\0\0\1")[1:]
    return [unit[1:] for unit in found if unit and unit[0] & 0x1F == _SPS]


def _frames_only(payload: bytes) -> bool:
    """``frame_mbs_only_flag`` of a sequence parameter set (ITU-T H.264, 7.3.2.1.1)."""
    bits = _Bits(payload[:256])
    profile = bits.take(8)
    bits.take(16)
    bits.exp_golomb()
    if profile in _HIGH_PROFILES:
        chroma = bits.exp_golomb()
        if chroma == 3:
            bits.take(1)
        bits.exp_golomb()
        bits.exp_golomb()
        bits.take(1)
        if bits.take(1):
            for index in range(8 if chroma != 3 else 12):
                if bits.take(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.exp_golomb()
    order = bits.exp_golomb()
    if order == 0:
        bits.exp_golomb()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.exp_golomb(), 255)):
            bits.signed()
    bits.exp_golomb()
    bits.take(1)
    bits.exp_golomb()
    bits.exp_golomb()
    return bool(bits.take(1))


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def is_hidden(packet: Packet[Any], codec: str) -> bool:
    """Whether a packet of VP8 or VP9 holds a reference that is never shown.

    VP8: ``show_frame``, RFC 6386, 9.1. VP9: ``show_existing_frame`` and ``show_frame``,
    bitstream specification, 6.2. A superframe of VP9 always shows its last picture.
    """
    if codec not in ("vp8", "vp9") or not packet.size:
        return False
    data = memoryview(packet)
    first = data[0]
    if codec == "vp8":
        return not first & 0x10
    if first >> 6 != 2 or data[-1] & 0xE0 == 0xC0:
        return False
    # Profile 3 has one reserved bit more before the flags.
    flags = first << 8 | (data[1] if len(data) > 1 else 0)
    shift = 1 if first >> 4 & 3 == 3 else 0
    shows_existing = flags >> (11 - shift) & 1
    return not shows_existing and not flags >> (9 - shift) & 1
