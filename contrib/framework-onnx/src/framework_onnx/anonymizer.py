"""The anonymizer ``onnx``: a square around each head goes through the network and comes back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework import BuildContext, ComponentError, Frame, Image, Tracks
from framework.regions import Region, regions_of
from framework_onnx.description import AnonymizerFile, read_anonymizer
from framework_onnx.options import AnonymizerOptions
from framework_onnx.session import Network


class OnnxAnonymizer:
    """Replaces each head by what the network makes of it. Stateless."""

    def __init__(
        self, network: Network, described: AnonymizerFile, options: AnonymizerOptions
    ) -> None:
        self._network = network
        self._described = described
        self._options = options

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        """A new picture; inside a region nothing of the original shines through.

        Raises:
            ComponentError: the network does not give a picture. The core then covers the frame.
        """
        out = frame.bgr.copy()
        size = (frame.width, frame.height)
        for region in regions_of(tracks, size, margin=self._options.margin):
            self._cover(out, region)
        return out

    def reset(self) -> None:
        """Nothing is kept between frames."""

    def _cover(self, image: Image, region: Region) -> None:
        import cv2

        rect, mask = region.raster(self._options.feather * region.face_px)
        if rect.empty:
            return
        side = float(max(rect.width, rect.height))
        left = (rect.left + rect.right - side) / 2
        top = (rect.top + rect.bottom - side) / 2
        pixels = max(1, round(side))
        matrix = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]], np.float32)
        crop = cv2.warpAffine(image, matrix, (pixels, pixels), borderMode=cv2.BORDER_REPLICATE)
        made = self._picture(np.asarray(crop, np.uint8))
        scale = made.shape[0] / side
        back = np.array(
            [
                [scale, 0.0, (rect.left - left + 0.5) * scale - 0.5],
                [0.0, scale, (rect.top - top + 0.5) * scale - 0.5],
            ]
        )
        cover = cv2.warpAffine(
            made,
            back,
            (rect.width, rect.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        weight = mask[..., None].astype(np.float32) / 255
        view = image[rect.slices]
        view[...] = np.rint(cover * weight + view * (1 - weight)).astype(np.uint8)

    def _picture(self, crop: Image) -> Image:
        """What the network makes of a square crop: (s, s, 3) uint8 BGR."""
        form = self._described.input
        channels = 1 if form.colour == "grey" else 3
        found = self._network.run([crop])[0]
        if form.layout == "nchw" and found.ndim == 3:
            found = found.transpose(1, 2, 0)
        if found.ndim != 3 or found.shape[2] != channels or found.shape[0] != found.shape[1]:
            raise ComponentError(
                f"onnx: expected a square picture with {channels} channels from the network, got "
                f"{found.shape}"
            )
        values: NDArray[np.float32] = found * np.array(
            self._described.output_std, np.float32
        ) + np.array(self._described.output_mean, np.float32)
        if not np.isfinite(values).all():
            raise ComponentError("onnx: the network gives pixels that are not finite")
        picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        if channels == 1:
            return np.repeat(picture, 3, axis=2)
        return np.ascontiguousarray(picture[..., ::-1] if form.colour == "rgb" else picture)


def build(options: AnonymizerOptions, context: BuildContext) -> OnnxAnonymizer:
    """Factory named in the component's description.

    Raises:
        ConfigError: the description does not validate.
        WeightsError: the network is missing, changed, or no network.
    """
    described, path = read_anonymizer(options.path)
    return OnnxAnonymizer(Network(path, described.input, context), described, options)
