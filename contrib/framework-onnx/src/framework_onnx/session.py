"""Running a described network: pictures in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework import BuildContext, ComponentError, Image, WeightsError
from framework_onnx.description import InputForm


class Network:
    """An ONNX network with one image input and one output.

    Args:
        path: the file.
        form: what it is fed with.
        context: threads and device.

    Raises:
        WeightsError: the file is no network, or not one with a single input of this form.
        ComponentError: CUDA was asked for and is not there.
    """

    def __init__(self, path: Path, form: InputForm, context: BuildContext) -> None:
        import onnxruntime

        self.form = form
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = context.threads
        settings.log_severity_level = 3
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        cuda = "CUDAExecutionProvider"
        providers = ["CPUExecutionProvider"]
        if context.device != "cpu" and cuda in onnxruntime.get_available_providers():
            providers.insert(0, cuda)
        elif context.device == "cuda":
            raise ComponentError(
                "onnx: this onnxruntime has no CUDA; install onnxruntime-gpu, or use --device cpu"
            )
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), settings, providers=providers
            )
        except Exception:
            raise WeightsError(f"onnx: {path.name} is no ONNX network that can be loaded") from None
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            raise WeightsError(
                f"onnx: {path.name}: expected one input with 4 axes, got "
                f"{[list(i.shape) for i in inputs]}"
            )
        self._name = inputs[0].name
        batch = inputs[0].shape[0]
        self._fixed_batch = batch if isinstance(batch, int) and batch > 0 else 0

    def run(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """The first output for square BGR pictures of any size, one row each.

        Raises:
            ComponentError: the network does not accept the input that is described.
        """
        tensor = self._tensor(pictures)
        size = self._fixed_batch or len(tensor)
        rows = []
        for start in range(0, len(tensor), size):
            part = tensor[start : start + size]
            missing = size - len(part)
            if missing:
                part = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
            try:
                found = self._session.run(None, {self._name: part})[0]
            except Exception as error:
                text = " ".join(str(error).split())[:160]
                raise ComponentError(
                    f"onnx: the network refuses the input ({text}); check size, colour and layout "
                    f"in the description"
                ) from None
            rows.append(np.asarray(found, np.float32)[: size - missing])
        return np.concatenate(rows)

    def _tensor(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        import cv2

        form = self.form
        stack = []
        for picture in pictures:
            image = np.ascontiguousarray(picture)
            if image.shape[:2] != (form.size, form.size):
                shrinking = form.size < max(image.shape[:2])
                method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
                resized = cv2.resize(image, (form.size, form.size), interpolation=method)
                image = np.asarray(resized, np.uint8)
            if form.colour == "rgb":
                image = image[..., ::-1]
            elif form.colour == "grey":
                image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
            stack.append(image)
        tensor = np.stack(stack).astype(np.float32)
        mean, std = np.array(form.mean, np.float32), np.array(form.std, np.float32)
        tensor = np.asarray((tensor - mean) / std, np.float32)
        if form.layout == "nchw":
            tensor = tensor.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(tensor, np.float32)
