"""The detector ``retinaface``: RetinaFace with a MobileNet-0.25 backbone (Deng et al. 2020).

Each picture is looked at in one or more passes (upright, coarser, turned by quarter turns); what
the passes find is put together and suppressed once, so that a face found twice stays one face.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.spec import BuildContext
from framework.types import Detections, Frame
from framework_faces import anchors as heads
from framework_faces.config import RetinaFaceOptions
from framework_faces.letterbox import Placement, fit
from framework_faces.nms import nms
from framework_faces.weights import load

if TYPE_CHECKING:
    import onnxruntime

MEAN_BGR = (104.0, 117.0, 123.0)
"""What the network was trained to have subtracted."""

MULTIPLE = 32
"""The coarsest stride; other input sides make the levels of the pyramid disagree."""

CANDIDATES = 1000
"""Boxes that enter the suppression, best scores first; bounds its time on noise."""


def build(config: RetinaFaceOptions, context: BuildContext) -> RetinaFace:
    """Make the detector. Raises what :func:`framework_faces.weights.load` raises."""
    return RetinaFace(config, _session(load(), context))


def _session(model: bytes, context: BuildContext) -> onnxruntime.InferenceSession:
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
        from framework.errors import ComponentError

        raise ComponentError(
            "detector retinaface: device cuda was asked for, but this onnxruntime has no CUDA "
            "provider; install onnxruntime-gpu, or choose device auto or cpu"
        )
    return onnxruntime.InferenceSession(model, options, providers=providers)


class RetinaFace:
    """Finds faces with five landmarks. Stateless."""

    def __init__(self, config: RetinaFaceOptions, session: Any) -> None:
        self._config = config
        self._session = session

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Faces of each frame, best score first. Boxes may reach past the picture."""
        return [self._detect_one(frame) for frame in frames]

    def _detect_one(self, frame: Frame) -> Detections:
        config = self._config
        found = [self._pass(frame, config.size, 0)]
        if config.coarse_size and config.coarse_size < config.size:
            found.append(self._pass(frame, config.coarse_size, 0))
        if config.rotations == "always" or (
            config.rotations == "empty" and not any(len(f[1]) for f in found)
        ):
            found += [self._pass(frame, config.rotation_size, turns) for turns in (1, 2, 3)]
        boxes, scores, points = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if config.min_face > 0:
            large = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) >= config.min_face
            boxes, scores, points = boxes[large], scores[large], points[large]
        keep = nms(boxes, scores, config.nms)[: config.max_faces]
        return Detections(xyxy=boxes[keep], score=scores[keep], landmarks=points[keep])

    def _pass(
        self, frame: Frame, size: int, turns: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Candidates of one pass: boxes (k, 4), scores (k,), landmarks (k, 5, 2), frame pixels."""
        import cv2

        picture, placement = fit(frame.bgr, size, turns, MULTIPLE, MEAN_BGR)
        blob = cv2.dnn.blobFromImage(picture, mean=MEAN_BGR)
        loc, conf, marks = self._session.run(("loc", "conf", "landmarks"), {"input": blob})
        height, width = picture.shape[:2]
        return _candidates(
            loc[0], conf[0, :, 1], marks[0], (height, width), placement, self._config.threshold
        )


def _candidates(
    loc: NDArray[np.float32],
    score: NDArray[np.float32],
    marks: NDArray[np.float32],
    input_size: tuple[int, int],
    placement: Placement,
    threshold: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Decode what passes the threshold, and only that: decoding everything takes longer."""
    rows = np.flatnonzero(score >= threshold)
    if len(rows) > CANDIDATES:
        rows = rows[np.argpartition(-score[rows], CANDIDATES)[:CANDIDATES]]
        rows.sort()
    anchor = heads.anchors(*input_size)[rows]
    boxes = placement.boxes(heads.decode_boxes(loc[rows], anchor))
    points = placement.points(heads.decode_landmarks(marks[rows], anchor))
    return boxes, score[rows], points
