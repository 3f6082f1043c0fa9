"""Label Studio's video JSON and COCO-style JSON, out and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import ConfigError
from framework.reading import why_unreadable
from framework.table import TrackTable
from framework.types import Role
from framework_review.formats import Shape, shapes_of

LARGEST = 512 * 1024 * 1024
FROM_NAME, TO_NAME = "box", "video"


def write_label_studio(table: TrackTable, path: Path) -> None:
    """Write one task with one result for each track (``videorectangle``).

    Label Studio counts frames from 1, gives places in per cent of the image, and joins the boxes of
    a sequence by lines unless ``enabled`` is false in a key frame, which ends a stretch.
    """
    results = []
    for track, group in groupby(shapes_of(table), key=lambda s: s.track):
        shapes = list(group)
        sequence = []
        for shape, after in pairwise([*shapes, None]):
            assert shape is not None
            x1, y1, x2, y2 = shape.box
            sequence.append(
                {
                    "frame": shape.frame + 1,
                    "enabled": after is not None and after.frame == shape.frame + 1,
                    "rotation": 0,
                    "x": 100 * x1 / table.width,
                    "y": 100 * y1 / table.height,
                    "width": 100 * (x2 - x1) / table.width,
                    "height": 100 * (y2 - y1) / table.height,
                    "time": float(table.time_s[shape.frame]),
                }
            )
        results.append(
            {
                "id": f"track-{track}",
                "type": "videorectangle",
                "from_name": FROM_NAME,
                "to_name": TO_NAME,
                "value": {
                    "framesCount": table.frame_count,
                    "duration": table.duration_s,
                    "sequence": sequence,
                    "labels": [str(shapes[0].role)],
                },
                "meta": {"text": [f"track {track}"]},
            }
        )
    task = [{"data": {TO_NAME: ""}, "predictions": [{"result": results}]}]
    write_text(path, json.dumps(task, indent=1) + "\n")


def read_label_studio(path: Path, table: TrackTable) -> list[Shape]:
    """The shapes of the last annotation, or of the prediction if nobody annotated.

    Raises:
        ConfigError: it is no export of one video task.
    """
    content = _json(path)
    tasks = content if isinstance(content, list) else [content]
    if len(tasks) != 1 or not isinstance(tasks[0], dict):
        raise ConfigError(f"{path.name}: expected one task, got {len(tasks)}; export one recording")
    versions = tasks[0].get("annotations") or tasks[0].get("predictions") or []
    if not versions:
        raise ConfigError(f"{path.name}: the task has no annotation")
    found: list[Shape] = []
    used: set[int] = set()
    results = [r for r in versions[-1].get("result", []) if r.get("type") == "videorectangle"]
    for result in results:
        try:
            track = _number(result, used)
            role = Role(result["value"]["labels"][0])
            found += _sequence(result["value"]["sequence"], track, role, table)
        except (KeyError, TypeError, ValueError, IndexError):
            raise ConfigError(
                f"{path.name}: result {result.get('id', '?')}: expected a video rectangle with one "
                f"of the labels {', '.join(Role)}"
            ) from None
    return found


def _number(result: Mapping[str, Any], used: set[int]) -> int:
    """The track's number; regions that were drawn in Label Studio get a new one."""
    name = str(result["id"])
    if name.startswith("track-") and name[6:].isdigit():
        number = int(name[6:])
    else:
        number = max(used, default=0) + 1001
    used.add(number)
    return number


def _sequence(
    sequence: list[Mapping[str, Any]], track: int, role: Role, table: TrackTable
) -> Iterator[Shape]:
    keys = sorted(sequence, key=lambda k: int(k["frame"]))

    def box(key: Mapping[str, Any]) -> tuple[float, float, float, float]:
        x, y = float(key["x"]) * table.width / 100, float(key["y"]) * table.height / 100
        width, height = float(key["width"]) * table.width, float(key["height"]) * table.height
        return x, y, x + width / 100, y + height / 100

    for key, after in pairwise([*keys, None]):
        assert key is not None
        frame = int(key["frame"]) - 1
        yield Shape(track, frame, box(key), role)
        if not key.get("enabled", True):
            continue
        if after is None:
            yield from (
                Shape(track, f, box(key), role) for f in range(frame + 1, table.frame_count)
            )
            continue
        last = int(after["frame"]) - 1
        for between in range(frame + 1, last):
            share = (between - frame) / (last - frame)
            line = tuple(
                (1 - share) * a + share * b for a, b in zip(box(key), box(after), strict=True)
            )
            yield Shape(track, between, line, role)  # type: ignore[arg-type]


def write_coco(table: TrackTable, path: Path) -> None:
    """Write COCO-style JSON: one image a frame, one annotation a box, with ``track_id``."""
    roles = {role: k for k, role in enumerate(Role, start=1)}
    body = {
        "info": {"description": "tracks of faces; no image is part of this file"},
        "images": [
            {
                "id": k,
                "width": table.width,
                "height": table.height,
                "file_name": f"frame-{k:06d}",
                "time_s": float(table.time_s[k]),
            }
            for k in range(table.frame_count)
        ],
        "categories": [{"id": k, "name": str(role)} for role, k in roles.items()],
        "annotations": [
            {
                "id": n,
                "image_id": s.frame,
                "category_id": roles[s.role],
                "bbox": [s.box[0], s.box[1], s.box[2] - s.box[0], s.box[3] - s.box[1]],
                "area": (s.box[2] - s.box[0]) * (s.box[3] - s.box[1]),
                "iscrowd": 0,
                "track_id": s.track,
            }
            for n, s in enumerate(shapes_of(table), start=1)
        ],
    }
    write_text(path, json.dumps(body) + "\n")


def read_coco(path: Path) -> list[Shape]:
    """The shapes of such a file.

    Raises:
        ConfigError: it is none; the message names the annotation.
    """
    content = _json(path)
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise ConfigError(f"{path.name}: expected COCO JSON with 'annotations' and 'categories'")
    try:
        roles = {int(c["id"]): Role(c["name"]) for c in content["categories"]}
    except (KeyError, TypeError, ValueError):
        raise ConfigError(
            f"{path.name}: categories: expected the names {', '.join(Role)}"
        ) from None
    found = []
    for one in content["annotations"]:
        try:
            x, y, width, height = (float(v) for v in one["bbox"])
            box = (x, y, x + width, y + height)
            role = roles[int(one["category_id"])]
            found.append(Shape(int(one["track_id"]), int(one["image_id"]), box, role))
        except (KeyError, TypeError, ValueError):
            raise ConfigError(
                f"{path.name}: annotation {one.get('id', '?') if isinstance(one, dict) else one}: "
                f"expected bbox, category_id, image_id and track_id"
            ) from None
    return found


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path.name}: larger than {LARGEST >> 20} MB; export one recording")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {why_unreadable(error)}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{path.name}: expected JSON") from None
