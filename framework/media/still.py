"""Still images: one file, or a folder with one file for each frame."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av

from framework.errors import MediaError
from framework.media.container import open_container, reason, select_video
from framework.media.exif import image_orientation, jpeg_is_cut_off
from framework.media.orientation import Orientation
from framework.media.picture import PictureConverter
from framework.media.source import MediaKind, SourceInfo, is_image_path
from framework.types import Image

FOLDER_FRAME_RATE = 25.0
"""Frames a second of a folder of images, which has no times of its own."""


def probe_image(path: Path) -> SourceInfo:
    """Describe a still image; it is decoded for that."""
    return read_image(path)[1]


def read_image(path: Path) -> tuple[Image, SourceInfo]:
    """Decode a still image, upright.

    Raises:
        MediaError: it cannot be read or decoded, or is cut off.
    """
    with open_container(path) as container:
        stream = select_video(container, path)
        data = path.read_bytes()
        if data[:4] == b"RIFF" and b"ANIM" in data[:64]:
            raise MediaError(f"{path}: animated WebP cannot be read; convert it to GIF or MP4")
        try:
            frame = next(iter(container.decode(stream)), None)
        except (av.FFmpegError, OSError) as error:
            raise MediaError(f"{path}: the image is damaged ({reason(error)})") from error
        if frame is None:
            raise MediaError(f"{path}: the image is damaged (no picture in it decodes)")
        if frame.is_corrupt or jpeg_is_cut_off(data):
            raise MediaError(f"{path}: the image is damaged (it is cut off, or has errors)")
        orientation = image_orientation(data)
        picture = PictureConverter(orientation=orientation).convert(frame)
        bits = max((c.bits for c in frame.format.components), default=8)
        alpha = any(c.is_alpha for c in frame.format.components)
        info = SourceInfo(
            kind=MediaKind.IMAGE,
            width=picture.shape[1],
            height=picture.shape[0],
            frame_rate=0.0,
            duration_s=None,
            frame_count=1,
            container=container.format.name.removesuffix("_pipe"),
            codec=stream.codec_context.codec.canonical_name,
            pixel_format=frame.format.name,
            bit_depth=bits,
            rotation_deg=orientation.clockwise_deg,
            mirrored=orientation.mirrored,
            time_base=Fraction(1, 1000),
            notes=tuple(_image_notes(bits, alpha, orientation)),
        )
    return picture, info


def _image_notes(bits: int, alpha: bool, orientation: Orientation) -> list[str]:
    notes = []
    if bits > 8:
        notes.append(f"{bits}-bit colour was reduced to 8 bits")
    if alpha:
        notes.append("transparent areas are shown over black")
    if not orientation.is_upright:
        notes.append("the EXIF orientation was applied")
    return notes


def list_images(folder: Path) -> list[Path]:
    """The images of a folder in natural order (``img2`` before ``img10``); hidden files not.

    Raises:
        MediaError: there is none, or the folder cannot be read.
    """
    try:
        paths = [
            p
            for p in folder.iterdir()
            if is_image_path(p) and not p.name.startswith(".") and p.is_file()
        ]
    except OSError as error:
        raise MediaError(f"{folder}: cannot be read ({reason(error)})") from None
    if not paths:
        raise MediaError(
            f"{folder}: a folder without images; expected jpg, png, webp, bmp or tiff files in it"
        )
    return sorted(paths, key=lambda p: (natural_key(p.name), p.name))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sort key under which numbers compare by value.

    >>> sorted(["b10", "b9", "a"], key=natural_key)
    ['a', 'b9', 'b10']
    """
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(p)) if p.isdecimal() else (1, p) for p in parts if p]


def probe_folder(folder: Path) -> SourceInfo:
    """Describe a folder of images by its first one."""
    paths = list_images(folder)
    first = probe_image(paths[0])
    return SourceInfo(
        kind=MediaKind.FOLDER,
        width=first.width,
        height=first.height,
        frame_rate=FOLDER_FRAME_RATE,
        duration_s=len(paths) / FOLDER_FRAME_RATE,
        frame_count=len(paths),
        container="folder",
        codec=first.codec,
        pixel_format=first.pixel_format,
        bit_depth=first.bit_depth,
        rotation_deg=first.rotation_deg,
        mirrored=first.mirrored,
        time_base=Fraction(1, round(FOLDER_FRAME_RATE)),
        notes=(*first.notes, f"a folder of images is shown at {FOLDER_FRAME_RATE:g} a second"),
    )
