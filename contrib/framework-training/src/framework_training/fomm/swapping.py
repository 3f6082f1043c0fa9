"""The swap of the product on prepared crops, for measuring the network by itself."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from framework_fomm.config import FommOptions
from framework_fomm.donors.store import load_selection
from framework_fomm.driver import build_driver
from framework_fomm.inference import Animator, choose_device
from framework_fomm.model import Fomm, Keypoints, joined
from framework_fomm.motion_range import FaceView, unusable_motion, unusable_view
from framework_fomm.mouth import open_mouths
from framework_fomm.neutral import CANDIDATES, Neutral, most_typical
from framework_fomm.plugin import FOMM_WEIGHTS
from framework_fomm.weights import load_model
from numpy.typing import NDArray

from framework.weights import locate
from framework_training.fomm.framing import BOX_HEIGHT
from framework_training.fomm.recognition import Observer, Sight, five_points

Picture = NDArray[np.uint8]

EVEN = 215.0
"""Grey level behind the donors' heads."""


def embedded_weights() -> Path:
    """The weight file that ships."""
    return locate(FOMM_WEIGHTS)


TEXTURED_BACKGROUND = -10.0
"""Logit of the background's motion for pictures of people in front of something.

Donors stand before an even ground, where the keypoints' motion may reach far beyond the head and
leaves no copy of its rim. A real background has to stay where it is.
"""


def reconstructor(model: Fomm) -> Animator:
    """An animator for people in front of a real background, as the network was trained: nothing
    is drawn stronger than it was seen.
    """
    if model.config.mask_prior_sigma > 0:
        config = dataclasses.replace(
            model.config, mask_prior_background=TEXTURED_BACKGROUND, crease_strength=1.0
        )
        changed = Fomm(config)
        changed.load_state_dict(model.state_dict())
        model = changed.eval().requires_grad_(False)
    return Animator(model, choose_device("auto"))


class Swapper:
    """Animates donors and first frames with one weight file."""

    def __init__(self, weights: Path | None, threads: int = 0) -> None:
        path = weights or embedded_weights()
        if threads:
            torch.set_num_threads(threads)
        self.threads = torch.get_num_threads()
        self.options = FommOptions()
        self.animator = Animator(load_model(path), choose_device("auto"))
        self._itself = reconstructor(load_model(path))
        self.description = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "image_size": self.animator.size,
            "precision": self.animator.precision,
        }
        self._donors = {donor.name: donor for donor in load_selection("embedded")}
        self._sights: dict[str, Sight] = {}
        self._seen: tuple[int, list[Keypoints], NDArray[np.float64], int] | None = None

    @property
    def size(self) -> int:
        """Side of the network's pictures, pixels."""
        return self.animator.size

    @property
    def donor_names(self) -> list[str]:
        """The donors that ship."""
        return list(self._donors)

    def reconstruct(self, crops: Sequence[Picture]) -> list[Picture]:
        """The first crop under the pose of every crop (absolute motion)."""
        matte = np.full(crops[0].shape[:2], 255, np.uint8)
        source = self._itself.encode(crops[0], matte, None)
        keypoints, _ = self._keypoints(crops)
        made: list[Picture] = []
        for start in range(0, len(crops), 8):
            driving = joined(keypoints[start : start + 8])
            made += list(self._itself.render(source, driving)[0])
        return made

    def swap(
        self,
        donor: str,
        crops: Sequence[Picture],
        time_s: NDArray[np.float64],
        shown: Sequence[int] | None = None,
    ) -> tuple[list[Picture], NDArray[np.bool_]]:
        """The donor moved as the crops move, and which of its pictures the product would show.

        Every crop counts for the rest and for the filters; only those in ``shown`` (default: all)
        are rendered.
        """
        found, spread = self._keypoints(crops)
        rest = self.rest(crops)
        neutral = found[rest]
        size = self.animator.size
        chosen = self._donors[donor]
        picture, matte = chosen.at_size(size)
        detail = None
        if self.animator.blends:
            detail, matte = chosen.at_size(max(size, len(chosen.bgra)))
        source = self.animator.encode(picture, matte, detail)
        keypoints = joined(found)
        driver = build_driver(self.animator.config, source.keypoints, self.options)
        driver.know(keypoints, neutral)
        driving = driver.whole(keypoints, time_s)
        reasons = [
            unusable_motion(one, neutral, float(wide), float(spread[rest]))
            for one, wide in zip(found, spread, strict=True)
        ]
        usable = np.array([reason is None for reason in reasons])
        poses = [driving[i : i + 1] for i in range(len(crops))]
        chosen_poses = poses if shown is None else [poses[i] for i in shown]
        made: list[Picture] = []
        for start in range(0, len(chosen_poses), 8):
            part = joined(chosen_poses[start : start + 8])
            pictures, mattes = self.animator.render(source, part)
            if self.animator.config.rigid_outline and self.options.draw_mouth:
                open_mouths(pictures, part, source.keypoints)
            for portrait, alpha in zip(pictures, mattes, strict=True):
                weight = alpha[..., None].astype(np.float32) / 255
                made.append((portrait * weight + EVEN * (1 - weight)).round().astype(np.uint8))
        return made, usable if shown is None else usable[list(shown)]

    def rest(self, crops: Sequence[Picture]) -> int:
        """Index of the neutral frame, chosen as the product chooses where nothing is classified."""
        keypoints, spread = self._keypoints(crops)
        candidates = np.linspace(0, len(crops) - 1, min(CANDIDATES, len(crops))).astype(int)
        frames = [Neutral(keypoints[i], float(spread[i])) for i in candidates]
        chosen = most_typical(frames)
        return int(candidates[next(i for i, f in enumerate(frames) if f is chosen)])

    def reasons(
        self, frames: Sequence[Picture], points: Sequence[NDArray[np.float32]]
    ) -> list[str | None]:
        """Why the product wouldn't swap a frame, from the view alone; None where it would."""
        found = []
        for frame, marks in zip(frames, points, strict=True):
            chin = float(marks[8, 1])
            height = BOX_HEIGHT * max(1.0, chin - float(marks[17:27, 1].mean()))
            jaw = marks[:17, 0]
            box = np.array([jaw.min(), chin - height, jaw.max(), chin], np.float32)
            view = FaceView(box, five_points(marks), True)
            found.append(unusable_view(view, (frame.shape[1], frame.shape[0]), self.options))
        return found

    def portrait_sight(self, donor: str, observer: Observer) -> Sight:
        """What is seen in the donor's own picture."""
        if donor not in self._sights:
            self._sights[donor] = observer.look([self._donors[donor].at_size(256)[0]])
        return self._sights[donor]

    def _keypoints(self, crops: Sequence[Picture]) -> tuple[list[Keypoints], NDArray[np.float64]]:
        """Keypoints of each crop (batches of one), and their spread; kept for the last clip."""
        key = hash(b"".join(crop[::16, ::16].tobytes() for crop in crops))
        if self._seen is None or self._seen[0] != key:
            found: list[Keypoints] = []
            spread = []
            for start in range(0, len(crops), 8):
                part, wide = self.animator.keypoints(np.stack(crops[start : start + 8]))
                found += [part[i : i + 1] for i in range(len(wide))]
                spread.append(wide)
            self._seen = (key, found, np.concatenate(spread), len(crops))
        return self._seen[1], self._seen[2]
