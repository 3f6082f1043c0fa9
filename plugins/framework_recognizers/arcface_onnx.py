"""``arcface-onnx``: a recognition network that the user brings as an ONNX file.

Networks trained with ArcFace (Deng et al. 2019) and its kin take an aligned face and give a vector
whose direction identifies the person. What differs between files is preprocessing, which the
options say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ComponentError, WeightsError
from framework.spec import BuildContext
from framework.types import Image
from framework_recognizers.config import ArcFaceOptions


class ArcFaceRecognizer:
    """Preprocess, run, normalise."""

    def __init__(self, session: Any, options: ArcFaceOptions) -> None:
        self.input_size = options.size
        self.crop_scale = options.crop_scale
        self.match_threshold = options.match_threshold
        self.suspect_threshold = options.suspect_threshold
        self._session = session
        self._options = options
        entry = session.get_inputs()[0]
        self._input = entry.name
        self._channels = 1 if options.colour == "grey" else 3
        self._nchw = _is_nchw(entry.shape, options, self._channels)
        fixed = entry.shape[0]
        self._batch = fixed if isinstance(fixed, int) and fixed > 0 else options.batch

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """(n, d) unit length.

        Raises:
            ComponentError: the network does not give one vector a face.
        """
        parts = [self._run(faces[k : k + self._batch]) for k in range(0, len(faces), self._batch)]
        if not parts:
            blank = np.zeros((self.input_size, self.input_size, 3), np.uint8)
            return np.zeros((0, self._run([blank]).shape[1]), np.float32)
        rows = np.concatenate(parts)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(rows).all() or (length < 1e-12).any():
            raise ComponentError(
                "recognizer arcface-onnx: the network gave vectors without a direction; check "
                "colour, mean and std"
            )
        return np.asarray(rows / length, np.float32)

    def _run(self, faces: Sequence[Image]) -> NDArray[np.float64]:
        tensor = self._tensor(faces)
        rows = self._infer(tensor, len(faces))
        if self._options.flip:
            rows = rows + self._infer(
                tensor[..., ::-1] if self._nchw else tensor[:, :, ::-1], len(faces)
            )
        return rows

    def _infer(self, tensor: NDArray[np.float32], count: int) -> NDArray[np.float64]:
        # A network with a fixed batch gets its last batch filled up.
        missing = self._batch - count if self._is_fixed() else 0
        if missing > 0:
            tensor = np.concatenate([tensor, np.repeat(tensor[-1:], missing, axis=0)])
        try:
            found = self._session.run(None, {self._input: np.ascontiguousarray(tensor)})[0]
        except Exception as error:
            text = " ".join(str(error).split())[:160]
            raise ComponentError(
                f"recognizer arcface-onnx: the network refuses the input ({text}); check size, "
                f"layout and colour"
            ) from None
        rows = np.asarray(found, np.float64).reshape(len(tensor), -1)[:count]
        if rows.shape[1] < 16:
            raise ComponentError(
                f"recognizer arcface-onnx: expected an embedding, got {rows.shape[1]} values a "
                f"face; this is not a recognition network"
            )
        return rows

    def _is_fixed(self) -> bool:
        first = self._session.get_inputs()[0].shape[0]
        return isinstance(first, int) and first > 0

    def _tensor(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        import cv2

        size = (self.input_size, self.input_size)
        stack = []
        for face in faces:
            if face.shape[:2] != size:
                face = np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_AREA), np.uint8)
            if self._options.colour == "rgb":
                face = face[..., ::-1]
            elif self._options.colour == "grey":
                face = np.asarray(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
            stack.append(face)
        tensor = (np.stack(stack).astype(np.float32) - self._options.mean) / self._options.std
        return tensor.transpose(0, 3, 1, 2) if self._nchw else tensor


def _is_nchw(shape: Sequence[Any], options: ArcFaceOptions, channels: int) -> bool:
    if len(shape) != 4:
        raise ComponentError(
            f"recognizer arcface-onnx: expected a network with a 4-dimensional input, got {shape}"
        )
    if options.layout != "auto":
        return options.layout == "nchw"
    return bool(shape[3] != channels or shape[1] == channels)


def build(options: ArcFaceOptions, context: BuildContext) -> ArcFaceRecognizer:
    """Factory named in the component's description.

    Raises:
        WeightsError: the file is missing or is no ONNX network.
    """
    import onnxruntime

    path = Path(options.path).expanduser()
    if not path.is_file():
        raise WeightsError(
            f"recognizer arcface-onnx: {path.name}: no such file; give an ONNX file with "
            f"recognizer.path"
        )
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = context.threads
    settings.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    available = onnxruntime.get_available_providers()
    if context.device != "cpu" and "CUDAExecutionProvider" in available:
        providers.insert(0, "CUDAExecutionProvider")
    elif context.device == "cuda":
        raise ComponentError(
            "recognizer arcface-onnx: no CUDA in this onnxruntime; install onnxruntime-gpu, or "
            "use --device cpu"
        )
    try:
        session = onnxruntime.InferenceSession(str(path), settings, providers=providers)
    except Exception:
        raise WeightsError(
            f"recognizer arcface-onnx: {path.name} is no ONNX network that can be loaded"
        ) from None
    return ArcFaceRecognizer(session, options)
