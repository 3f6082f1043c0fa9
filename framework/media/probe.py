"""Describe a recording by reading its header and decoding its first picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from framework.errors import MediaError
from framework.media.animated_webp import probe_animated_webp
from framework.media.container import ANIMATION_FORMATS, open_container, reason, select_video
from framework.media.content import STILLS, Content, content_of
from framework.media.cropping import Crop, container_crop
from framework.media.opacity import declares_opacity, has_opacity
from framework.media.orientation import Orientation
from framework.media.picture import frame_orientation, matrix_is_known, square_pixel_size
from framework.media.source import MediaKind, SourceInfo
from framework.media.still import probe_image

# How many damaged packets at the start are skipped before a file counts as unreadable.
_FIRST_PICTURE_PACKETS = 500

_PQ, _HLG = 16, 18  # transfer characteristics of HDR (ITU-T H.273)


@dataclass(frozen=True)
class FirstLook:
    """What opening a video stream and decoding its first picture shows.

    Attributes:
        info: the description.
        pixel_aspect, orientation, crop: how the stored pictures are made upright.
        transparent: whether a decoder is needed that knows what is hidden.
    """

    info: SourceInfo
    pixel_aspect: Fraction
    orientation: Orientation
    crop: Crop
    transparent: bool


def probe_file(path: Path) -> SourceInfo:
    """Describe one file. See :func:`framework.media.probe`."""
    content = content_of(path)
    if content in STILLS:
        return probe_image(path)
    if content is Content.ANIMATED_WEBP:
        return probe_animated_webp(path)
    return look_at_video(path).info


def look_at_video(path: Path) -> FirstLook:
    """Open a video or an animation and decode its first picture.

    Raises:
        MediaError: it does not open, has no pictures, or hides parts that would become visible.
    """
    with open_container(path) as container:
        stream = select_video(container, path)
        frame, opacity = first_picture(container, stream, path)
        crop = container_crop(path, container.format.name, container.streams.video.index(stream))
        if not crop.fits(frame.width, frame.height):
            raise MediaError(f"{path}: its container crops more than the whole picture")
        transparent = opacity or declares_opacity(stream)
        info = describe(container, stream, frame, crop, transparent)
        return FirstLook(
            info, frame_pixel_aspect(stream), frame_orientation(frame), crop, transparent
        )


def first_picture(
    container: InputContainer, stream: VideoStream, path: Path
) -> tuple[VideoFrame, bool]:
    """Decode up to the first picture; also says whether a packet up to it has opacity of its own.

    Raises:
        MediaError: nothing decodes.
    """
    why = "no picture in it decodes"
    opacity = False
    try:
        for count, packet in enumerate(container.demux(stream)):
            opacity = opacity or has_opacity(packet)
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                why = reason(error)
                frames = []
            if frames:
                return frames[0], opacity
            if count >= _FIRST_PICTURE_PACKETS:
                break
    except (av.FFmpegError, OSError, IndexError) as error:
        why = reason(error)
    raise MediaError(f"{path}: too damaged to open, or without any picture ({why})")


def describe(
    container: InputContainer,
    stream: VideoStream,
    frame: VideoFrame,
    crop: Crop,
    transparent: bool,
) -> SourceInfo:
    """The description of an opened stream, given its first picture."""
    aspect = frame_pixel_aspect(stream)
    orientation = frame_orientation(frame)
    width, height = square_pixel_size(frame.width, frame.height, aspect)
    if crop:
        blank = np.empty((height, width, 0), np.uint8)
        height, width = crop.apply(blank, (frame.width, frame.height)).shape[:2]
    if orientation.transpose:
        width, height = height, width
    time_base = stream.time_base or Fraction(1, 90000)
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(0)
    # A recording that was cut without encoding it anew often starts between two key frames.
    lead_s = 0.0
    if frame.pts is not None and stream.start_time is not None:
        lead_s = max(0.0, float((frame.pts - stream.start_time) * time_base))
    declared = declared_duration_s(container, stream)
    audio = container.streams.audio
    bits = max((c.bits for c in frame.format.components), default=8)
    animated = container.format.name in ANIMATION_FORMATS
    names = set(container.format.name.split(","))
    return SourceInfo(
        kind=MediaKind.ANIMATION if animated else MediaKind.VIDEO,
        width=width,
        height=height,
        frame_rate=float(rate),
        duration_s=None if declared is None else max(0.0, declared - lead_s),
        frame_count=stream.frames or None,
        container="mp4" if "mp4" in names else container.format.name.split(",")[0],
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=frame.format.name,
        bit_depth=bits,
        has_audio=bool(audio),
        audio_codec=audio[0].codec_context.codec.canonical_name
        if audio and audio[0].codec_context
        else "",
        rotation_deg=orientation.clockwise_deg,
        mirrored=orientation.mirrored,
        pixel_aspect=aspect,
        start_s=float((frame.pts or 0) * time_base),
        time_base=time_base,
        notes=tuple(_notes(container, frame, aspect, bits, lead_s, crop, transparent)),
    )


def frame_pixel_aspect(stream: VideoStream) -> Fraction:
    """Width of a stored pixel over its height; 1 where the stream says nothing sensible."""
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and Fraction(1, 8) <= aspect <= 8 else Fraction(1)


def declared_duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds the container declares for the video stream; None if it declares nothing.

    Matroska keeps the end of each stream in a tag. Its header has the length of the longest stream
    only, which is the video's if there is nothing else.
    """
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tag = next((v for k, v in stream.metadata.items() if k.startswith("DURATION")), "")
    try:
        hours, minutes, seconds = tag.split(":")
        end = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        if not container.duration or len(container.streams) > 1:
            return None
        return container.duration / av.time_base
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    return end - start if end > start else None


def _notes(
    container: InputContainer,
    frame: VideoFrame,
    aspect: Fraction,
    bits: int,
    lead_s: float,
    crop: Crop,
    transparent: bool,
) -> list[str]:
    notes = []
    if len(container.streams.video) > 1:
        notes.append(
            f"{len(container.streams.video)} video streams; only one is used, the default or the "
            "longest"
        )
    if crop:
        notes.append("what the container crops from its pictures was left out")
    if not matrix_is_known(frame):
        notes.append(
            f"colour matrix {int(frame.colorspace)} is not known and was read as the nearest one; "
            "colours may be off"
        )
    if lead_s > 0.1:
        notes.append(f"the first {lead_s:.1f} s, before the first key frame, cannot be decoded")
    if aspect != 1:
        notes.append(f"pixels of {aspect.numerator}:{aspect.denominator} were made square")
    if bits > 8:
        notes.append(f"{bits}-bit colour was reduced to 8 bits")
    if frame.color_trc in (_PQ, _HLG):
        notes.append("HDR recording: colours were not tone-mapped and look pale")
    if frame.interlaced_frame:
        notes.append("interlaced recording: it was not deinterlaced")
    alpha = any(c.is_alpha for c in frame.format.components) and container.format.name != "gif"
    if alpha or transparent:
        notes.append("transparent areas are shown over black")
    return notes
