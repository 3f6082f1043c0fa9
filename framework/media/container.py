"""Opening a recording: which formats are let in, and what each failure means to the user."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from framework.errors import MediaError
from framework.media.content import Content, content_of

# A list of what is let in rather than of what is not: FFmpeg also "plays" text files, and playlists
# that point to other files or to servers. None of that is a recording of a visit. Pictures are read
# by framework.media.still.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,apng,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,"
    "dv,h264,hevc,m4v,mjpeg,ivf,obu,av1,nut,yuv4mpegpipe,wtv,rm,gxf,"
    "mp3,wav,flac,aac,ac3"  # audio: let in, so that the message can say "no video stream"
)
ANIMATION_FORMATS = frozenset({"gif", "apng"})

MAX_PIXELS = 2**27
"""Pixels of a picture, 134 million: more than any camera's, and 0.4 GB once decoded."""

_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def open_container(path: Path) -> InputContainer:
    """Open a recording for reading.

    Raises:
        MediaError: it is missing, a folder, not readable, empty, no video file, or damaged so
            badly that it does not open.
    """
    content = content_of(path)
    if content is Content.HEIF:
        # FFmpeg would show one of its tiles as a video.
        raise MediaError(
            f"{path}: a HEIC or AVIF picture, which is not read; save it as JPEG or PNG first"
        )
    try:
        return av.open(
            f"file:{path}",  # never read a name such as "concat:..." as a protocol
            "r",
            format="apng" if content is Content.APNG else None,
            metadata_errors="replace",
            container_options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path}: not a video or image that can be opened, or too damaged "
            f"({reason(error)}); expected for instance mp4, mov, mkv, webm, avi, gif, jpg or png"
        ) from error


def select_video(container: InputContainer, path: Path) -> VideoStream:
    """The stream that is read: of those with moving pictures the default one, then the longest.

    Cover art does not count, nor does a stream of one picture where another has more: phones and
    editors put a thumbnail first, not always with the flag that says so.

    Raises:
        MediaError: there is none, no decoder for it, or its pictures are too large.
    """
    streams = [s for s in container.streams.video if not s.disposition & _PICTURE]
    if not streams:
        has = "only audio" if container.streams.audio else "no stream at all"
        raise MediaError(f"{path}: no video stream, {has}; expected a recording with pictures")
    if "mov" in container.format.name and any(_is_alpha(s) for s in streams):
        raise MediaError(
            f"{path}: its transparent parts are kept in a stream of their own, which is not read; "
            "convert it to MP4 or GIF first"
        )
    readable = [s for s in streams if s.codec_context is not None]
    if not readable:
        raise MediaError(f"{path}: no decoder for its video stream; convert it to H.264 first")
    chosen = max(readable, key=_rank)
    context = chosen.codec_context
    if context.width * context.height > MAX_PIXELS:
        raise MediaError(
            f"{path}: pictures of {context.width}x{context.height} pixels; at most "
            f"{MAX_PIXELS // 10**6} million are read, make it smaller first"
        )
    # Damage, or somebody, may announce another size later on.
    context.options = {**context.options, "max_pixels": str(MAX_PIXELS)}
    return chosen


def _rank(stream: VideoStream) -> tuple[bool, bool, float, int, int]:
    """Moving before still, the default before others, the longest, the largest, the first."""
    length = float((stream.duration or 0) * (stream.time_base or Fraction(0)))
    context = stream.codec_context
    return (
        stream.frames != 1,
        bool(stream.disposition & Disposition.default),
        length,
        context.width * context.height,
        -stream.index,
    )


def _is_alpha(stream: VideoStream) -> bool:
    """Whether this is the opacity of another stream, as HEIF and AVIF sequences keep it."""
    return stream.metadata.get("title", "").lower() == "alpha"


def reason(error: BaseException) -> str:
    """An exception as a few words, without FFmpeg's function names or any path."""
    if isinstance(error, av.FFmpegError | OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
