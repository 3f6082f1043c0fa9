"""The network: its session, its input, and the candidates in its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ComponentError
from framework.spec import BuildContext
from framework.types import Image
from framework_faces.anchors import anchors, decode_boxes, decode_landmarks
from framework_faces.candidates import Candidates
from framework_faces.letterbox import Placement

if TYPE_CHECKING:
    import onnxruntime

MEAN_BGR = (104.0, 117.0, 123.0)
"""What the network was trained to have subtracted."""

MULTIPLE = 32
"""The coarsest stride; other input sides make the levels of the pyramid disagree."""

MOST = 1000
"""Candidates that one pass may give, best scores first; bounds the suppression on noise."""


def open_session(model: bytes, context: BuildContext) -> onnxruntime.InferenceSession:
    """An onnxruntime session with the run's threads, on the run's device.

    Raises:
        ComponentError: CUDA was asked for and this onnxruntime has no CUDA provider.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = context.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads would spin on the cores that decode and encode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = ["CPUExecutionProvider"]
    cuda = "CUDAExecutionProvider"
    if context.device != "cpu" and cuda in onnxruntime.get_available_providers():
        providers.insert(0, cuda)
    elif context.device == "cuda":
        raise ComponentError(
            "detector retinaface: device cuda was asked for, but this onnxruntime has no CUDA "
            "provider; install onnxruntime-gpu, or choose device auto or cpu"
        )
    return onnxruntime.InferenceSession(model, options, providers=providers)


class Network:
    """RetinaFace from prepared images to candidates.

    Args:
        session: an onnxruntime session, or anything with its ``run``.
        threshold: lowest score of a candidate, 0 to 1.
    """

    def __init__(self, session: Any, threshold: float) -> None:
        self._session = session
        self._threshold = threshold

    def candidates(
        self, images: Sequence[Image], placements: Sequence[Placement]
    ) -> list[Candidates]:
        """What is in each of these images of one size, in the coordinates of where they are from.

        Args:
            images: (h, w, 3) BGR each, h and w multiples of 32.
            placements: how each was made.
        """
        loc, conf, marks = self._session.run(
            ("loc", "conf", "landmarks"), {"input": _planes(images)}
        )
        height, width = images[0].shape[:2]
        return [
            self._decoded(loc[k], conf[k, :, 1], marks[k], (height, width), placement)
            for k, placement in enumerate(placements)
        ]

    def _decoded(
        self,
        loc: NDArray[np.float32],
        score: NDArray[np.float32],
        marks: NDArray[np.float32],
        input_size: tuple[int, int],
        placement: Placement,
    ) -> Candidates:
        """Decode what passes the threshold, and only that: decoding everything takes longer."""
        rows = np.flatnonzero(score >= self._threshold)
        if len(rows) > MOST:
            rows = rows[np.argpartition(-score[rows], MOST)[:MOST]]
            rows.sort()
        anchor = anchors(*input_size)[rows]
        boxes = placement.boxes(decode_boxes(loc[rows], anchor))
        points = placement.points(decode_landmarks(marks[rows], anchor))
        return Candidates(boxes, score[rows], points)


def _planes(images: Sequence[Image]) -> NDArray[np.float32]:
    """(n, 3, h, w): one plane a colour, less the mean the network was trained with.

    The same numbers as OpenCV's ``blobFromImages``, which takes fourteen times as long: a fifth of
    what detecting a face in a 1280x720 image cost.
    """
    import cv2

    height, width = images[0].shape[:2]
    planes = np.empty((len(images), 3, height, width), np.float32)
    for image, target in zip(images, planes, strict=True):
        for channel, mean, plane in zip(cv2.split(image), MEAN_BGR, target, strict=True):
            np.subtract(channel, np.float32(mean), out=plane)
    return planes
