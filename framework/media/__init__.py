"""Reading and writing recordings, through PyAV.

>>> from framework.media import open_reader, open_writer
>>> with open_reader("visit.mp4") as reader:                                     # doctest: +SKIP
...     with open_writer("out.mp4", like=reader.info) as writer:
...         for frame in reader:
...             writer.write(frame.bgr, frame.time_s)
...         writer.duration_s = reader.duration_s
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from framework.errors import MediaError
from framework.media.animated_webp import AnimatedWebpReader
from framework.media.audio import read_audio
from framework.media.content import STILLS, Content, content_of, is_folder
from framework.media.encoders import Quality, choose_encoder
from framework.media.prefetch import prefetch
from framework.media.probe import probe_file
from framework.media.reader import Reader
from framework.media.source import (
    ANIMATION_SUFFIXES,
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    Damage,
    MediaKind,
    SourceInfo,
    default_suffix,
)
from framework.media.still import probe_folder
from framework.media.still_writer import FolderWriter, ImageWriter
from framework.media.video_reader import FolderReader, ImageReader, VideoReader
from framework.media.video_writer import VideoWriter
from framework.media.writer import Writer

__all__ = [
    "Damage",
    "MediaKind",
    "Quality",
    "Reader",
    "SourceInfo",
    "Writer",
    "check_codec",
    "default_suffix",
    "open_reader",
    "open_writer",
    "prefetch",
    "probe",
    "read_audio",
]


def probe(path: str | PathLike[str], *, sequence: bool = False) -> SourceInfo:
    """Describe a recording: a video, an animation, a still image or a folder of images.

    Args:
        path: the file or folder.
        sequence: the images of a folder are the frames of one recording. Without it each is a
            picture of its own.

    Raises:
        MediaError: it is missing, empty, no video or image, has no video stream, is too damaged to
            open, or is a folder without images. The message is one line.
    """
    where = Path(path)
    if is_folder(where):
        return probe_folder(where, sequence=sequence)
    return probe_file(where)


def open_reader(path: str | PathLike[str], *, threads: int = 0, sequence: bool = False) -> Reader:
    """Open a recording for reading. Use it as a context manager.

    Args:
        path: a video, an animation, a still image or a folder of images.
        threads: decoder threads; 0 lets the decoder choose.
        sequence: as for :func:`probe`.

    Raises:
        MediaError: as :func:`probe`.
    """
    where = Path(path)
    if is_folder(where):
        return FolderReader(where, sequence=sequence)
    content = content_of(where)
    if content in STILLS:
        return ImageReader(where)
    if content is Content.ANIMATED_WEBP:
        return AnimatedWebpReader(where)
    return VideoReader(where, threads)


def check_codec(suffix: str, codec: str | None) -> None:
    """Say early whether :func:`open_writer` will take a codec.

    Args:
        suffix: of the output, lower case; "" for a folder.
        codec: as for :func:`open_writer`.

    Raises:
        MediaError: the output is no video, or its container does not take this codec.
    """
    if codec is None:
        return
    if suffix not in VIDEO_SUFFIXES | ANIMATION_SUFFIXES:
        raise MediaError(f"codec {codec}: only a video has a codec, and this output is none")
    choose_encoder(suffix, codec)


def open_writer(
    path: str | PathLike[str],
    like: SourceInfo,
    *,
    codec: str | None = None,
    quality: Quality | str = Quality.STANDARD,
    duration_s: float | None = None,
    threads: int = 0,
) -> Writer:
    """Open an output. Use it as a context manager: the file appears when the block ends well.

    The suffix decides what is written: a video (.mp4, .m4v, .mov, .mkv, .webm, .avi), an animation
    (.gif, .apng), a still image (.jpg, .png, .webp, .bmp, .tiff), or without a suffix a folder of
    numbered images. :func:`default_suffix` gives the one that fits a source.

    Args:
        path: the output. A file is replaced; a folder must be empty or not exist.
        like: the source, for its frame rate and time base.
        codec: h264, hevc, av1, vp9, mpeg4, mjpeg or ffv1 (lossless); None takes H.264, and VP9 in
            WebM. Only for video.
        quality: ``small``, ``standard`` or ``high``. Only for video.
        duration_s: see :class:`Writer`.
        threads: encoder threads; 0 lets the encoder choose.

    Raises:
        MediaError: the suffix is unknown, the codec does not fit it, or the output cannot be
            written.
    """
    where = Path(path)
    suffix = where.suffix.lower()
    try:
        level = Quality(quality)
    except ValueError:
        raise MediaError(f"quality {quality}: expected small, standard or high") from None
    if suffix in VIDEO_SUFFIXES | ANIMATION_SUFFIXES:
        return VideoWriter(where, like, codec, level, duration_s, threads)
    check_codec(suffix, codec)
    if suffix in IMAGE_SUFFIXES:
        return ImageWriter(where)
    if not suffix:
        image = default_suffix(like) if like.kind is MediaKind.IMAGE else ".png"
        form = ".jpg" if like.codec == "mjpeg" else image
        return FolderWriter(where, form, one_size=not like.independent)
    known = ", ".join(sorted(VIDEO_SUFFIXES | ANIMATION_SUFFIXES | IMAGE_SUFFIXES))
    raise MediaError(f"{where}: unknown suffix {suffix}; expected one of {known}, or a folder")
