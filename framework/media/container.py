"""Opening a recording: which formats are let in, and what each failure means to the user."""

from __future__ import annotations

import re
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from framework.errors import MediaError
from framework.media.source import is_image_path

# A list of what is let in rather than of what is not: FFmpeg also "plays" text files, and playlists
# that point to other files or to servers. None of that is a recording of a visit.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,apng,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,"
    "dv,h264,hevc,m4v,mjpeg,ivf,obu,av1,nut,yuv4mpegpipe,wtv,rm,gxf,"
    "jpeg_pipe,png_pipe,webp_pipe,webp,bmp_pipe,tiff_pipe,"
    "mp3,wav,flac,aac,ac3"  # audio: let in, so that the message can say "no video stream"
)
_MAGIC = {
    b"\xff\xd8\xff": "jpeg_pipe",
    b"BM": "bmp_pipe",
    b"II*\0": "tiff_pipe",
    b"MM\0*": "tiff_pipe",
    b"RIFF": "webp_pipe",
}
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"})
STILL_FORMATS = frozenset({"jpeg_pipe", "png_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe"})
ANIMATION_FORMATS = frozenset({"gif", "apng", "webp"})


def open_container(path: Path) -> InputContainer:
    """Open a recording for reading.

    Raises:
        MediaError: it is missing, a folder, not readable, empty, no video file, or damaged so
            badly that it does not open.
    """
    check_readable(path)
    _refuse_heif(path)
    try:
        return av.open(
            f"file:{path}",  # never read a name such as "concat:..." as a protocol
            "r",
            format=_forced_format(path),
            metadata_errors="replace",
            container_options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path}: not a video or image that can be opened, or too damaged "
            f"({reason(error)}); expected for instance mp4, mov, mkv, webm, avi, gif, jpg or png"
        ) from error


def _refuse_heif(path: Path) -> None:
    """Raise for the still pictures of phones: FFmpeg would show one of their tiles as a video."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({reason(error)})") from None
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        raise MediaError(
            f"{path}: a HEIC or AVIF picture, which is not read; save it as JPEG or PNG first"
        )


def _forced_format(path: Path) -> str | None:
    """The format of a still image by its first bytes; None leaves the choice to FFmpeg.

    FFmpeg would read ``x.jpg`` or ``x%03d.png`` as a sequence of numbered images because of the
    name alone.
    """
    if not is_image_path(path):
        return None
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"\x89PNG"):
        return "apng" if b"acTL" in head else "png_pipe"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def check_readable(path: Path) -> None:
    """Raise :class:`MediaError` unless this is a file with something in it that may be read."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise MediaError(f"{path}: is a folder; expected a video or image file")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise MediaError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"{path}: cannot be read ({reason(error)})") from None
    if size == 0 and path.is_file():
        raise MediaError(f"{path}: is empty (0 bytes); expected a video or image file")


def select_video(container: InputContainer, path: Path) -> VideoStream:
    """The stream that is read: the first one with moving pictures (cover art does not count).

    Raises:
        MediaError: there is none, or no decoder for it.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        has = "only audio" if container.streams.audio else "no stream at all"
        raise MediaError(f"{path}: no video stream, {has}; expected a recording with pictures")
    for stream in streams:
        if stream.codec_context is not None:
            return stream
    raise MediaError(f"{path}: no decoder for its video stream; convert it to H.264 first")


def reason(error: BaseException) -> str:
    """An exception as a few words, without FFmpeg's function names or any path."""
    if isinstance(error, av.FFmpegError | OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
