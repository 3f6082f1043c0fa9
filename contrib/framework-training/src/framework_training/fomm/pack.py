"""All training pictures in one file: JPEG crops, landmarks, and which clip and person each is of.

    python -m framework_training.fomm.pack --clips DIR --stills TAR --out pack.safetensors

The file names no source. It holds faces, so it belongs where the material may be kept, never into a
repository.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from framework_fomm.crop import Square, extract
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, MediaError, UserError
from framework_training.fomm.framing import smooth_squares, square_of_landmarks
from framework_training.fomm.landmarks import Teacher, build_teacher
from framework_training.fomm.media import Skipped, clip_files, read_clip, read_stills

FORMAT = "fomm-pack-1"
SIZE = 224
"""Side of a packed crop in pixels."""
MARGIN = 1.12
"""A packed crop's side over the side that the network sees: room for random framing."""
MIN_FRAMES = 8
"""A clip with fewer usable frames has no pair worth learning from."""
MIN_SIDE = 64
"""A head square smaller than this many pixels shows neither lids nor lips."""
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Pack:
    """``n`` crops of ``size`` by ``size`` pixels; ``group`` counts clips (a still is one too)."""

    jpeg: NDArray[np.uint8]  # all files one after another
    offset: NDArray[np.int64]  # (n + 1,)
    landmarks: NDArray[np.float32]  # (n, 70, 2) pixels of the crop
    group: NDArray[np.int32]  # (n,) pictures of one clip share it and are in order
    still: NDArray[np.bool_]  # (n,) a group of its own, not a frame of a clip
    person: NDArray[np.int32]  # (n,) clips of one person share it; -1 unknown
    size: int
    teacher: str

    def __len__(self) -> int:
        return len(self.group)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """(size, size, 3) BGR."""
        import cv2

        data = self.jpeg[self.offset[index] : self.offset[index + 1]]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


class PackWriter:
    """Collects crops group by group."""

    def __init__(self, teacher: str) -> None:
        self.teacher = teacher
        self._jpeg: list[NDArray[np.uint8]] = []
        self._landmarks: list[NDArray[np.float32]] = []
        self._group: list[int] = []
        self._still: list[bool] = []
        self._person: list[int] = []
        self.groups = 0

    def add(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        landmarks: Sequence[NDArray[np.float32]],
        squares: Sequence[Square],
        person: int = -1,
    ) -> None:
        """Cut the squares out and keep them as one group; a single picture counts as a still."""
        import cv2

        for picture, points, square in zip(pictures, landmarks, squares, strict=True):
            wide = Square(square.x, square.y, square.side * MARGIN)
            crop = extract(picture, wide, SIZE)
            matrix = wide.matrix(SIZE)
            self._jpeg.append(
                cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].ravel()
            )
            self._landmarks.append((points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32))
            self._group.append(self.groups)
            self._still.append(len(pictures) == 1)
            self._person.append(person)
        self.groups += 1

    def pack(self) -> Pack:
        """What was collected; raises :class:`MediaError` if that is nothing."""
        if not self._jpeg:
            raise MediaError("no usable face in the training material: nothing to train on")
        return Pack(
            jpeg=np.concatenate(self._jpeg),
            offset=np.cumsum([0, *(len(data) for data in self._jpeg)]).astype(np.int64),
            landmarks=np.stack(self._landmarks).astype(np.float32),
            group=np.array(self._group, np.int32),
            still=np.array(self._still, np.bool_),
            person=np.array(self._person, np.int32),
            size=SIZE,
            teacher=self.teacher,
        )


def save_pack(pack: Pack, path: Path) -> None:
    """Write to a temporary name and rename; raises :class:`MediaError` if the disk refuses."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    tensors: dict[str, NDArray[Any]] = {
        "jpeg": pack.jpeg,
        "offset": pack.offset,
        "landmarks": pack.landmarks,
        "group": pack.group,
        "still": pack.still.astype(np.uint8),
        "person": pack.person,
    }
    about = {"format": FORMAT, "size": str(pack.size), "teacher": pack.teacher}
    part = path.with_suffix(path.suffix + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, part, metadata=about)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise MediaError(f"can't write {path}: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def load_pack(path: Path) -> Pack:
    """Read a file of :class:`PackWriter`; raises :class:`MediaError` for anything else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT:
                raise MediaError(f"{path} is no {FORMAT} file: make one with training.pack")
            data = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise MediaError(f"can't read {path}: {error}") from None
    return Pack(
        jpeg=data["jpeg"],
        offset=data["offset"],
        landmarks=data["landmarks"],
        group=data["group"],
        still=data["still"].astype(bool),
        person=data["person"],
        size=int(about["size"]),
        teacher=about["teacher"],
    )


def pack_clips(
    files: Sequence[Path], teacher: Teacher, writer: PackWriter, skipped: Skipped, limit: int
) -> list[str]:
    """Add every usable clip; gives their names in the order of their groups."""
    used = []
    for path in files:
        try:
            frames = read_clip(path, limit)
        except MediaError as error:
            skipped.add(path.name, str(error))
            continue
        if len(frames) < MIN_FRAMES:
            skipped.add(path.name, f"has {len(frames)} frames, fewer than {MIN_FRAMES}")
            continue
        teacher.begin_clip()
        found = [teacher.find(frame) for frame in frames]
        keep = [i for i, points in enumerate(found) if points is not None]
        if len(keep) < MIN_FRAMES:
            skipped.add(path.name, f"shows a face in only {len(keep)} frames")
            continue
        points = [p for p in found if p is not None]
        squares = smooth_squares([square_of_landmarks(p) for p in points])
        if np.median([square.side for square in squares]) < MIN_SIDE:
            skipped.add(path.name, f"its head is smaller than {MIN_SIDE} px")
            continue
        writer.add([frames[i] for i in keep], points, squares)
        used.append(path.name)
    return used


def pack_stills(
    sources: Sequence[Path], teacher: Teacher, writer: PackWriter, skipped: Skipped
) -> list[str]:
    """Add every still with a face; gives their names in the order of their groups."""
    used = []
    teacher.begin_stills()
    for source in sources:
        for name, picture in read_stills(source, skipped):
            points = teacher.find(picture)
            if points is None:
                skipped.add(name, "shows no face")
                continue
            square = square_of_landmarks(points)
            if square.side < MIN_SIDE:
                skipped.add(name, f"its head is smaller than {MIN_SIDE} px")
                continue
            writer.add([picture], [points], [square])
            used.append(name)
    return used


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m framework_training.fomm.pack")
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips, one head each")
    parser.add_argument(
        "--stills", type=Path, action="append", default=[], help="folder or tar; may be repeated"
    )
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--teacher", default="auto", help="auto, dlib or mediapipe")
    parser.add_argument("--max-frames", type=int, default=300, help="of each clip")
    parser.add_argument("--names", type=Path, help="write the order of the files here (JSON)")
    options = parser.parse_args(arguments)
    try:
        files = clip_files(options.clips)
        teacher = build_teacher(options.teacher)
        writer, skipped = PackWriter(teacher.name), Skipped()
        used = pack_clips(files, teacher, writer, skipped, options.max_frames)
        used += pack_stills(options.stills, teacher, writer, skipped)
        save_pack(writer.pack(), options.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    for line in skipped.lines():
        print(line, file=sys.stderr)
    if options.names:
        options.names.write_text(json.dumps(used, indent=0))
    print(f"{len(used)} clips and stills packed into {options.out} (teacher {teacher.name})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
