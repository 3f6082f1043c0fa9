"""Writers of a still image and of a folder of images."""

from __future__ import annotations

from pathlib import Path

import cv2

from framework.errors import MediaError
from framework.media.staging import Staging
from framework.media.writer import Writer
from framework.types import Image

_PARAMETERS = {
    ".jpg": [int(cv2.IMWRITE_JPEG_QUALITY), 95],
    ".jpeg": [int(cv2.IMWRITE_JPEG_QUALITY), 95],
    ".png": [int(cv2.IMWRITE_PNG_COMPRESSION), 3],
    ".webp": [int(cv2.IMWRITE_WEBP_QUALITY), 95],
}


def encode_image(bgr: Image, suffix: str) -> bytes:
    """A picture as the bytes of an image file, without any metadata.

    Raises:
        MediaError: the picture is too large for the format.
    """
    try:
        done, data = cv2.imencode(suffix, bgr, _PARAMETERS.get(suffix, []))
    except cv2.error:
        done = False
    if not done:
        size = f"{bgr.shape[1]}x{bgr.shape[0]}"
        raise MediaError(f"{suffix}: cannot hold a picture of {size}; choose .png or .tiff")
    return data.tobytes()


class ImageWriter(Writer):
    """Writes one picture to an image file."""

    def __init__(self, path: Path) -> None:
        super().__init__(Staging(path), None)
        self._suffix = path.suffix.lower()

    def _add(self, bgr: Image, time_s: float) -> None:
        if self.frames_written:
            raise MediaError(
                f"{self._staging.target}: an image holds one frame; choose a video file or a folder"
            )
        self._staging.path.write_bytes(encode_image(bgr, self._suffix))

    def _finish(self) -> None:
        pass


class FolderWriter(Writer):
    """Writes numbered images into a folder. Source file names are not taken over.

    Args:
        path: the folder; it must be empty or not exist.
        suffix: of the images.
        one_size: whether all images must have the same size.
    """

    def __init__(self, path: Path, suffix: str, *, one_size: bool = True) -> None:
        super().__init__(Staging(path, folder=True), None)
        self._suffix = suffix
        self._one_size = one_size
        self.notes.append("the images are numbered; their names and times are not kept")

    def _add(self, bgr: Image, time_s: float) -> None:
        name = f"{self.frames_written:06d}{self._suffix}"
        (self._staging.path / name).write_bytes(encode_image(bgr, self._suffix))

    def _finish(self) -> None:
        pass
