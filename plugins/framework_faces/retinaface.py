"""The detector ``retinaface``: RetinaFace with a MobileNet-0.25 backbone (Deng et al. 2020).

Each picture is looked at in one or more passes (upright, coarser, turned by quarter turns); what
the passes find is put together and suppressed once, so that a face found twice stays one face.
Faces that lie on their side are then looked at once more, upright, for their landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from framework.spec import BuildContext
from framework.types import Detections, Frame
from framework_faces.candidates import Candidates, suppressed
from framework_faces.config import RetinaFaceOptions
from framework_faces.letterbox import fit
from framework_faces.network import MEAN_BGR, MULTIPLE, Network, open_session
from framework_faces.refine import refine_turned
from framework_faces.weights import load


def build(config: RetinaFaceOptions, context: BuildContext) -> RetinaFace:
    """Make the detector. Raises what :func:`framework_faces.weights.load` raises."""
    return RetinaFace(config, open_session(load(), context))


class RetinaFace:
    """Finds faces with five landmarks. Stateless."""

    def __init__(self, config: RetinaFaceOptions, session: Any) -> None:
        self._config = config
        self._network = Network(session, config.threshold)

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Faces of each frame, best score first. Boxes may reach past the picture."""
        return [self._detect_one(frame) for frame in frames]

    def _detect_one(self, frame: Frame) -> Detections:
        config = self._config
        found = [self._pass(frame, config.size, 0)]
        if config.coarse_size and config.coarse_size < config.size:
            found.append(self._pass(frame, config.coarse_size, 0))
        if config.rotations == "always" or (
            config.rotations == "empty" and not any(len(f) for f in found)
        ):
            found += [self._pass(frame, config.rotation_size, turns) for turns in (1, 2, 3)]
        faces = suppressed(Candidates.join(found), config.nms, config.max_faces)
        if config.refine:
            refined = refine_turned(self._network, frame.bgr, faces)
            faces = suppressed(refined, config.nms, config.max_faces)
        if config.min_face > 0:
            longer = (faces.xyxy[:, 2:] - faces.xyxy[:, :2]).max(axis=1, initial=0)
            faces = faces.take(longer >= config.min_face)
        return Detections(xyxy=faces.xyxy, score=faces.score, landmarks=faces.landmarks)

    def _pass(self, frame: Frame, size: int, turns: int) -> Candidates:
        picture, placement = fit(frame.bgr, size, turns, MULTIPLE, MEAN_BGR)
        return self._network.candidates([picture], [placement])[0]
