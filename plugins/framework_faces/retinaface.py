"""The detector ``retinaface``: RetinaFace with a MobileNet-0.25 backbone (Deng et al. 2020).

Each image is looked at in one or more passes (upright, coarser, turned by quarter turns); what
the passes find is put together and suppressed once, so that a face found twice stays one face.
Faces that lie on their side are then looked at once more, upright, for their landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from framework.cpus import usable_cpus
from framework.spec import BuildContext
from framework.types import Detections, Frame
from framework_faces.candidates import Candidates, suppressed
from framework_faces.config import RetinaFaceOptions
from framework_faces.letterbox import fit
from framework_faces.network import MEAN_BGR, MULTIPLE, Network, open_session
from framework_faces.refine import refine_turned
from framework_faces.weights import load

CLOSER = 4 / 3
"""How much larger the image of a second look is: 1280 pixels instead of 960."""
LARGEST = 3840
"""Long side of the largest image the network is given, pixels."""
MOST_AT_ONCE = 8
"""Frames that are looked at side by side; each needs some 40 MB while it is."""


def build(config: RetinaFaceOptions, context: BuildContext) -> RetinaFace:
    """Make the detector. Raises what :func:`framework_faces.weights.load` raises."""
    model = load()
    session = open_session(model, context)
    workers = min(context.threads or usable_cpus(), MOST_AT_ONCE)
    if workers < 2 or session.get_providers()[0] != "CPUExecutionProvider":
        return RetinaFace(config, session)
    single = open_session(model, replace(context, threads=1, device="cpu"))
    return RetinaFace(config, session, single, workers)


class RetinaFace:
    """Finds faces with five landmarks. Stateless.

    Args:
        config: see :class:`RetinaFaceOptions`.
        session: uses all threads for one image.
        single: uses one thread for one image, and may be called from several. The network is
            small, so that threads which share one image wait for each other: two images side
            by side take nine tenths of the time on a quiet machine of two cores, and two thirds
            where other work wants them too.
        workers: threads that call ``single``.
    """

    def __init__(
        self, config: RetinaFaceOptions, session: Any, single: Any = None, workers: int = 1
    ) -> None:
        self._config = config
        self._network = Network(session, config.threshold)
        self._single = self._network if single is None else Network(single, config.threshold)
        self._workers = 1 if single is None else workers

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Faces of each frame, best score first. Boxes may reach past the image."""
        return self._detect(frames, self._config)

    def second_look(self, frames: Sequence[Frame]) -> list[Detections]:
        """The same at :data:`CLOSER` times the size, turned images left out unless always on."""
        size = min(round(self._config.size * CLOSER), LARGEST)
        rotations = "always" if self._config.rotations == "always" else "never"
        return self._detect(
            frames, self._config.model_copy(update={"size": size, "rotations": rotations})
        )

    def _detect(self, frames: Sequence[Frame], config: RetinaFaceOptions) -> list[Detections]:
        workers = min(self._workers, len(frames))
        if workers < 2:
            return [self._detect_one(frame, self._network, config) for frame in frames]
        with ThreadPoolExecutor(workers, "retinaface") as pool:
            return list(
                pool.map(lambda frame: self._detect_one(frame, self._single, config), frames)
            )

    def _detect_one(self, frame: Frame, network: Network, config: RetinaFaceOptions) -> Detections:
        found = [self._pass(network, frame, config.size, 0)]
        if config.coarse_size and config.coarse_size < config.size:
            found.append(self._pass(network, frame, config.coarse_size, 0))
        if config.rotations == "always" or (
            config.rotations == "empty" and not any(len(f) for f in found)
        ):
            found += [
                self._pass(network, frame, config.rotation_size, turns) for turns in (1, 2, 3)
            ]
        faces = suppressed(Candidates.join(found), config.nms, config.max_faces)
        if config.refine:
            refined = refine_turned(network, frame.bgr, faces)
            faces = suppressed(refined, config.nms, config.max_faces)
        if config.min_face > 0:
            longer = (faces.xyxy[:, 2:] - faces.xyxy[:, :2]).max(axis=1, initial=0)
            faces = faces.take(longer >= config.min_face)
        return Detections(xyxy=faces.xyxy, score=faces.score, landmarks=faces.landmarks)

    def _pass(self, network: Network, frame: Frame, size: int, turns: int) -> Candidates:
        image, placement = fit(frame.bgr, size, turns, MULTIPLE, MEAN_BGR)
        return network.candidates([image], [placement])[0]
