"""CVAT for video 1.1, out and back.

Every shape is a key frame (``keyframe="1"``), so that CVAT interpolates nothing between measured
boxes. Where a track is not there, one shape with ``outside="1"`` follows its last box, because
CVAT would hold that box until the end of the recording otherwise. On the way back, shapes between
key frames that CVAT wrote out are taken as they are, and ``outside`` ends a track. Frames that CVAT
left out between two key frames of a visible stretch are interpolated on a line, as CVAT shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from xml.etree import ElementTree

from framework.atomic import write_text
from framework.errors import ConfigError
from framework.reading import why_unreadable
from framework.table import TrackTable
from framework.types import Role
from framework_review.formats import Shape, shapes_of

LARGEST = 512 * 1024 * 1024
"""A larger file is none that this program's table would give."""


def write_cvat(table: TrackTable, path: Path) -> None:
    """Write the table as ``annotations.xml``.

    Raises:
        MediaError: the file cannot be written.
    """
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    for name, value in (
        ("size", table.frame_count),
        ("mode", "interpolation"),
        ("start_frame", 0),
        ("stop_frame", max(table.frame_count - 1, 0)),
    ):
        ElementTree.SubElement(task, name).text = str(value)
    size = ElementTree.SubElement(task, "original_size")
    ElementTree.SubElement(size, "width").text = str(table.width)
    ElementTree.SubElement(size, "height").text = str(table.height)
    labels = ElementTree.SubElement(task, "labels")
    for role in Role:
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = str(role)
    for track, group in groupby(shapes_of(table), key=lambda s: s.track):
        shapes = list(group)
        element = ElementTree.SubElement(
            root, "track", id=str(track), label=str(shapes[0].role), source="file"
        )
        for shape, after in pairwise([*shapes, None]):
            assert shape is not None
            _box(element, shape, shape.frame, outside=False)
            ends = after is None or after.frame > shape.frame + 1
            if ends and shape.frame + 1 < table.frame_count:
                _box(element, shape, shape.frame + 1, outside=True)
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    write_text(path, f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')


def _box(parent: ElementTree.Element, shape: Shape, frame: int, *, outside: bool) -> None:
    x1, y1, x2, y2 = (f"{v:.4f}" for v in shape.box)
    ElementTree.SubElement(
        parent,
        "box",
        frame=str(frame),
        outside=str(int(outside)),
        occluded="0",
        keyframe="1",
        xtl=x1,
        ytl=y1,
        xbr=x2,
        ybr=y2,
        z_order="0",
    )


def read_cvat(path: Path) -> list[Shape]:
    """The shapes of a file that CVAT exported.

    Raises:
        ConfigError: it is no such file; the message names the track.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path.name}: larger than {LARGEST >> 20} MB; export one recording")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {why_unreadable(error)}") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities can grow without end
        raise ConfigError(f"{path.name}: a document type is not part of CVAT's format; remove it")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ConfigError(f"{path.name}: {error}; expected CVAT for video 1.1") from None
    if root.tag != "annotations" or root.findtext("version") != "1.1":
        raise ConfigError(f"{path.name}: expected CVAT for video 1.1 (annotations, version 1.1)")
    if root.find("image") is not None:
        raise ConfigError(f"{path.name}: this is CVAT for images; export 'CVAT for video 1.1'")
    return [shape for track in root.iter("track") for shape in _track(track, path.name)]


def _track(track: ElementTree.Element, name: str) -> Iterator[Shape]:
    try:
        number, role = int(track.attrib["id"]), Role(track.attrib["label"])
        boxes = sorted(
            (
                int(b.attrib["frame"]),
                b.attrib.get("outside") == "1",
                tuple(float(b.attrib[k]) for k in ("xtl", "ytl", "xbr", "ybr")),
            )
            for b in track.iter("box")
        )
    except (KeyError, ValueError):
        labels = ", ".join(Role)
        raise ConfigError(
            f"{name}: track {track.attrib.get('id', '?')}: expected whole numbers for id and "
            f"frame, numbers for the corners, and one of the labels {labels}"
        ) from None
    following: list[tuple[int, bool, tuple[float, ...]] | None] = [*boxes[1:], None]
    for (frame, outside, box), after in zip(boxes, following, strict=True):
        if outside:
            continue
        yield Shape(number, frame, box, role)  # type: ignore[arg-type]
        if after is None or after[0] <= frame + 1:
            continue
        last, gone, there = after
        for between in range(frame + 1, last):
            share = 0.0 if gone else (between - frame) / (last - frame)
            line = tuple((1 - share) * a + share * b for a, b in zip(box, there, strict=True))
            yield Shape(number, between, line, role)  # type: ignore[arg-type]
