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

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.cpus import usable_cpus
from framework.spec import BuildContext
from framework.types import Detections, Frame
from framework_faces.candidates import Candidates, suppressed
from framework_faces.config import RetinaFaceOptions
from framework_faces.letterbox import MAX_ENLARGEMENT, Placement, fit
from framework_faces.network import MEAN_BGR, MULTIPLE, Network, open_session
from framework_faces.refine import refine_turned
from framework_faces.weights import load

CLOSER = 4 / 3
"""How much larger the image of a second look is: 1280 pixels instead of 960."""
LARGEST = 3840
"""Long side of the largest image the network is given, pixels."""
CLOSER_LOOKS = ((80.0, 3.0), (160.0, 2.0))
"""Second looks: the longer side of the face, pixels, and of what is shown, in sides of the face."""

LARGEST_LOOK = 2560
"""A large look has at most this long side, pixels; at it, it takes 7 times as long as at 960."""

FAINT = 0.1
"""Score from which a large look follows up a face."""

CONFIRMED = 0.8
"""Score, when looked at by itself, from which such a face is one."""

MOST_CONFIRMED = 12
"""Faces that a large look follows up at most, the best scores first."""

SAME_FACE_IOU = 0.3

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
        self._faint = Network(session, min(FAINT, config.threshold))
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

    def detect_closer(self, frame: Frame, xyxy: NDArray[np.float32]) -> Detections:
        """Faces around one box, looked at in two sizes: a pattern rarely looks like one in both."""
        found = [self._closer(frame, xyxy, *look) for look in CLOSER_LOOKS]
        faces = suppressed(Candidates.join(found), self._config.nms, self._config.max_faces)
        return Detections(xyxy=faces.xyxy, score=faces.score, landmarks=faces.landmarks)

    def _closer(
        self, frame: Frame, xyxy: NDArray[np.float32], face: float, context: float
    ) -> Candidates:
        """Faces around one box, brought to ``face`` pixels, in ``context`` times its side."""
        import cv2

        box = np.asarray(xyxy, np.float64)
        longest = max(float((box[2:] - box[:2]).max()), 1.0)
        corner = (box[:2] + box[2:]) / 2 - context / 2 * longest
        scale = face / longest
        side = int(np.ceil(context * face / MULTIPLE)) * MULTIPLE
        matrix = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
        method = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        cut = cv2.warpAffine(frame.bgr, matrix, (side, side), flags=method, borderValue=MEAN_BGR)
        whole = Placement(0, scale, scale, side, side)
        found = self._network.candidates([np.asarray(cut, np.uint8)], [whole])[0]
        origin = corner.astype(np.float32)
        return Candidates(found.xyxy + np.tile(origin, 2), found.score, found.landmarks + origin)

    def detect_larger(self, frame: Frame) -> Detections:
        """Faces of the whole picture at twice ``size``; none where that would enlarge too much.

        What is faint there is looked at once more by itself: a face gets the score that it has in
        its best size, and what was below the threshold has to score ``CONFIRMED``.
        """
        config = self._config
        size = 2 * config.size
        if size > LARGEST_LOOK or size > MAX_ENLARGEMENT * max(frame.height, frame.width):
            return Detections.empty()
        picture, placement = fit(frame.bgr, size, 0, MULTIPLE, MEAN_BGR)
        found = self._faint.candidates([picture], [placement])[0]
        faces = suppressed(found, config.nms, config.max_faces)
        if config.min_face > 0:
            longer = (faces.xyxy[:, 2:] - faces.xyxy[:, :2]).max(axis=1, initial=0)
            faces = faces.take(longer >= config.min_face)
        score = faces.score.copy()
        for row in np.flatnonzero(score < CONFIRMED)[:MOST_CONFIRMED].tolist():
            again = self._closer(frame, faces.xyxy[row], *CLOSER_LOOKS[0])
            same = iou(again.xyxy, faces.xyxy[row : row + 1])[:, 0] >= SAME_FACE_IOU
            closer = float(again.score[same].max(initial=0.0))
            score[row] = max(score[row], closer) if closer >= CONFIRMED else score[row]
        stay = score >= config.threshold
        return Detections(xyxy=faces.xyxy[stay], score=score[stay], landmarks=faces.landmarks[stay])

    def _pass(self, network: Network, frame: Frame, size: int, turns: int) -> Candidates:
        image, placement = fit(frame.bgr, size, turns, MULTIPLE, MEAN_BGR)
        return network.candidates([image], [placement])[0]
