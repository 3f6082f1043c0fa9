"""The opacity that VP8 and VP9 keep beside their pictures, as WebM's authors put it."""

from __future__ import annotations

from typing import Any, Final

import av
from av import Packet, VideoCodecContext
from av.video.stream import VideoStream

from framework.errors import MediaError

_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_ADDITION: Final = "matroska_block_additional"
_ALPHA = (1).to_bytes(8, "big")
"""BlockAddID of an alpha channel (WebM container guidelines, "Alpha channel")."""


def declares_opacity(stream: VideoStream) -> bool:
    """Whether the container says that its pictures are transparent in places."""
    declared = {k.lower(): v for k, v in stream.metadata.items()}.get("alpha_mode", "0")
    return stream.codec_context.codec.canonical_name in _DECODERS and declared not in ("", "0")


def has_opacity(packet: Packet[Any]) -> bool:
    """Whether a packet brings the opacity of its picture along."""
    if not packet.has_sidedata(_ADDITION):
        return False
    return bytes(packet.get_sidedata(_ADDITION))[:8] == _ALPHA


def opacity_decoder(stream: VideoStream, threads: int) -> VideoCodecContext:
    """A decoder that gives the pictures of this stream with their opacity.

    Raises:
        MediaError: this FFmpeg has none, so that hidden parts would become visible.
    """
    name = _DECODERS[stream.codec_context.codec.canonical_name]
    try:
        made = av.CodecContext.create(name, "r")
    except (av.FFmpegError, ValueError):
        raise MediaError(
            "parts of this recording are hidden (transparent), and the decoder that knows which "
            f"({name}) is not installed; convert it to MP4 with what it should show"
        ) from None
    assert isinstance(made, VideoCodecContext)
    made.thread_count = threads
    return made
