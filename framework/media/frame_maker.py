"""From a BGR picture to the frame an encoder takes."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av import VideoFrame
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from framework.types import Image

# Without ACCURATE_RND swscale truncates, and each generation is darker than the one before.
_QUALITY = int(Interpolation.BICUBIC | Interpolation.ACCURATE_RND)


class FrameMaker:
    """Converts to a pixel format. YUV is BT.709 with limited range, or as in JPEG if asked."""

    def __init__(self, pixel_format: str, *, jpeg: bool = False) -> None:
        self._format = pixel_format
        self._jpeg = jpeg
        self._scaler = VideoReformatter()

    def make(self, bgr: Image) -> VideoFrame:
        """A new frame; ``bgr`` may be changed afterwards."""
        source = VideoFrame.from_numpy_buffer(_packed_rows(bgr), "bgr24")
        if VideoFormat(self._format).is_rgb:
            return self._scaler.reformat(source, format=self._format, threads=1)
        return self._scaler.reformat(
            source,
            format=self._format,
            dst_colorspace=Colorspace.ITU601 if self._jpeg else Colorspace.ITU709,
            dst_color_range=ColorRange.JPEG if self._jpeg else ColorRange.MPEG,
            interpolation=_QUALITY,
            threads=1,
        )


class PaletteMaker(FrameMaker):
    """Converts to 256 colours chosen for each picture, with error diffusion."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__("pal8")
        graph = Graph()
        source = graph.add_buffer(
            width=width, height=height, format=VideoFormat("bgr24"), time_base=Fraction(1, 100)
        )
        split = graph.add("split")
        choose = graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
        use = graph.add("paletteuse", "new=1:dither=sierra2_4a")
        sink = graph.add("buffersink")
        source.link_to(split)
        split.link_to(choose, 0, 0)
        split.link_to(use, 1, 0)
        choose.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        self._graph = graph
        self._count = 0

    def make(self, bgr: Image) -> VideoFrame:
        source = VideoFrame.from_ndarray(np.ascontiguousarray(bgr), "bgr24")
        source.pts, source.time_base = self._count, Fraction(1, 100)
        self._count += 1
        self._graph.vpush(source)
        try:
            return self._graph.vpull()
        except (av.BlockingIOError, av.EOFError) as error:
            raise RuntimeError("the palette filter gave no picture") from error


def _packed_rows(bgr: Image) -> Image:
    """The same picture with its pixels side by side; rows may be apart."""
    return bgr if bgr.strides[1:] == (3, 1) and bgr.strides[0] > 0 else np.ascontiguousarray(bgr)
