"""Expression apart from head pose: what a face does, put on a donor whose face is at rest.

Relative motion adds to the donor what moved since the driver's neutral frame. Somebody who talks
has no neutral frame to speak of, and against a frame with parted lips every closed mouth presses
the donor's lips into each other. So the head's own motion (a similarity of the skull) is taken
apart from what the face does in it, and the face's rest is put together from the whole recording:
lips closed, lids as open as usual, brows where they mostly are. What a face does beyond its rest is
in half sizes of its own head, and so reaches a donor of another size and shape to scale.

For networks that were taught the places of ``framework_training.fomm.landmarks``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from framework_fomm.model import Keypoints
from framework_fomm.outline import OUTLINE_POINTS, SKULL_POINTS, skull_similarity

Floats = NDArray[np.float64]

MIN_FRAMES = 5
_CLOSED_SHARE = 0.3  # of the frames, those with the smallest gap between the lips tell the rest
_OPEN_SHARE = 0.6  # quantile of the gap between lids that counts as open
_JAW_SHARE = 0.8  # of an opening mouth is the lower lip's, the rest the upper lip's

BROWS = range(6)
LIDS = ((7, 9, 6, 8), (11, 13, 10, 12))  # upper, lower, and the corners beside them
UPPER_LIP, LOWER_LIP = (16, 18), (17, 19)  # outside and inside
CHIN = 21
_LID_RATIO = (0.6, 1.8)

# How far each group is drawn beyond where the detector found it to move. Small movements are found
# too small and shown too small; with these the movements that dlib reads from the result have about
# the driver's size. Measured on people of the training set.
_STRENGTH = np.ones((33, 2))  # (right, down)
_STRENGTH[list(BROWS)] = 1.4
_STRENGTH[[14, 15]] = 1.35  # mouth corners
_STRENGTH[[16, 17, 18, 19]] = 1.1  # lips
_STRENGTH[20, 0] = 1.1  # tip of the nose: it tells how far a head is turned
_PROFILE = (20, CHIN)  # their place tells how far a head is turned: no expression
_LID_STRENGTH = 1.6  # of the gap between lids
_LEAST_LID_GAP = 0.12  # of the donor's


@dataclass(frozen=True)
class HeadMotion:
    """The keypoints of ``n`` frames, taken apart."""

    turn: Floats  # (n, 2, 2) similarity: head coordinates -> crop, without the shift
    middle: Floats  # (n, 2) of the skull's keypoints in the crop
    face: Floats  # (n, 33, 2) keypoints in head coordinates: half sizes of the head, upright

    def __getitem__(self, index: int | slice | NDArray[np.int64]) -> HeadMotion:
        rows = slice(index, index + 1) if isinstance(index, int) else index
        return HeadMotion(self.turn[rows], self.middle[rows], self.face[rows])

    @property
    def size(self) -> Floats:
        """(n,) half sizes of the head in half crops."""
        return np.asarray(np.sqrt(np.linalg.det(self.turn)))

    @property
    def lip_gap(self) -> Floats:
        """(n,) between the inner lips; negative where they are found in each other."""
        return np.asarray(self.face[:, LOWER_LIP[1], 1] - self.face[:, UPPER_LIP[1], 1])


@dataclass(frozen=True)
class Rest:
    """A driver at rest: the face (33, 2) in head coordinates, and where the head usually is."""

    face: Floats
    middle: Floats  # (2,)
    size: float


def take_apart(value: NDArray[np.floating]) -> HeadMotion:
    """(n, 33, 2) keypoints in [-1, 1] -> how the head lies, and what the face does in it."""
    points = np.asarray(value, np.float64)
    turn, middle = skull_similarity(torch.from_numpy(points))
    a, m = turn.numpy(), middle.numpy()
    face = np.einsum("nab,nkb->nka", np.linalg.inv(a), points - m[:, None])
    return HeadMotion(a, m, face)


def find_rest(motion: HeadMotion, weight: Floats | None = None) -> Rest:
    """The rest of a face from the frames there are.

    Args:
        weight: (n,) how well each frame may serve (frontal, calm); only the better half does.
            Default: all alike.
    """
    n = len(motion.face)
    better = np.arange(n)
    if weight is not None and n > 2 * MIN_FRAMES:
        better = np.flatnonzero(weight >= np.median(weight))
    count = min(len(better), max(MIN_FRAMES, round(_CLOSED_SHARE * len(better))))
    closed = better[np.argsort(motion.lip_gap[better], kind="stable")[:count]]
    face = np.median(motion.face[closed], axis=0)
    # who closes the lips may close the eyes with them: brows and lids have a rest of their own
    usual = np.median(motion.face[better], axis=0)
    face[list(BROWS)] = usual[list(BROWS)]
    for upper, lower, *_ in LIDS:
        gap = motion.face[better, lower, 1] - motion.face[better, upper, 1]
        face[[upper, lower]] = usual[[upper, lower]]
        face[upper, 1] = face[lower, 1] - np.quantile(gap, _OPEN_SHARE)
    return Rest(face, np.median(motion.middle, axis=0), float(np.median(motion.size)))


def close_lips(face: Floats, gap: float) -> Floats:
    """(33, 2) the same face with its inner lips ``gap`` apart, if they were further.

    Whoever is heard talking all the time is never seen with closed lips, but has them.
    """
    surplus = face[LOWER_LIP[1], 1] - face[UPPER_LIP[1], 1] - gap
    result = face.copy()
    if surplus > 0:
        result[[*LOWER_LIP, CHIN], 1] -= _JAW_SHARE * surplus
        result[list(UPPER_LIP), 1] += (1 - _JAW_SHARE) * surplus
    return result


class Retarget:
    """Puts what one driver does on one donor.

    Args:
        donor: its keypoints, a batch of one.
        rest: of the driver.
        strength: how strongly the face moves; the head's motion isn't affected.
    """

    def __init__(self, donor: Keypoints, rest: Rest, strength: float = 1.0) -> None:
        own = take_apart(donor.value.numpy())
        self._donor_turn, self._donor_middle, self._donor = own.turn[0], own.middle[0], own.face[0]
        self._jacobian = donor.jacobian[0].double().numpy()
        self._rest = Rest(
            close_lips(rest.face, max(0.0, float(own.lip_gap[0]))), rest.middle, rest.size
        )
        rigid = np.isin(np.arange(33), (*SKULL_POINTS, *_PROFILE))[:, None]
        self._strength = np.where(rigid, 1.0, strength) * _STRENGTH
        self._lid_strength = strength * _LID_STRENGTH

    def __call__(self, motion: HeadMotion) -> Keypoints:
        """The donor's keypoints under each of the ``n`` poses."""
        change = self._strength * (motion.face - self._rest.face)
        face = self._donor + change
        rigid = list(OUTLINE_POINTS)
        face[:, rigid] = self._donor[rigid]  # hair, ears and jaw are rigid
        self._keep_apart(face)
        self._move_lids(face, change, motion.face)
        # the head leans as the driver's does; size and place are relative to what they usually are
        turn = motion.turn / self._rest.size
        value = np.einsum("nab,bc,nkc->nka", turn, self._donor_turn, face)
        value += (self._donor_middle + motion.middle - self._rest.middle)[:, None]
        jacobian = np.einsum("nab,kbc->nkac", turn, self._jacobian)
        return Keypoints(
            torch.from_numpy(value).float(), torch.from_numpy(jacobian).float().contiguous()
        )

    def _move_lids(self, face: Floats, change: Floats, driver: Floats) -> None:
        """An eye is closed when its own gap is used up, however large that is; in place."""
        for upper, lower, *corners in LIDS:
            own, rest = (f[lower, 1] - f[upper, 1] for f in (self._donor, self._rest.face))
            now = driver[:, lower, 1] - driver[:, upper, 1]
            share = 1 + self._lid_strength * (now / max(1e-3, rest) - 1)  # of the gap at rest
            beside = change[:, corners].mean(1)
            size = float(np.clip(own / max(1e-3, rest), *_LID_RATIO))
            below = self._donor[lower] + beside + size * (change[:, lower] - beside)
            # the lower lid hardly moves: what is left of the gap lies above it
            face[:, lower] = below
            face[:, upper, 0] = self._donor[upper, 0] + beside[:, 0]
            face[:, upper, 1] = below[:, 1] - own * np.clip(share, _LEAST_LID_GAP, _LID_RATIO[1])

    def _keep_apart(self, face: Floats) -> None:
        """Neighbours that would pass each other stop, in place: skin doesn't fold into itself."""
        pairs = [(18, 19, 0.5, 0.5)]  # upper, lower, share of the donor's gap, who gives way
        pairs += [(16, 18, 0.6, 1.0), (19, 17, 0.6, 0.0)]  # lips keep some thickness
        for upper, lower, share, above in pairs:
            least = share * (self._donor[lower, 1] - self._donor[upper, 1])
            missing = np.maximum(0.0, least - (face[:, lower, 1] - face[:, upper, 1]))
            face[:, upper, 1] -= above * missing
            face[:, lower, 1] += (1 - above) * missing


def smooth(motion: HeadMotion, time_s: Floats, head_s: float, face_s: float) -> HeadMotion:
    """Zero-phase Gaussian smoothing over time: nothing lags, as nothing is live.

    Args:
        head_s, face_s: standard deviations in seconds, for the head and for what the face does,
            which is faster.
    """
    return HeadMotion(
        gaussian(motion.turn, time_s, head_s),
        gaussian(motion.middle, time_s, head_s),
        gaussian(motion.face, time_s, face_s),
    )


def gaussian(values: Floats, time_s: Floats, sigma_s: float) -> Floats:
    """(n, ...) values at n ascending times, each replaced by a weighted mean of its neighbours."""
    result = np.array(values, np.float64)
    if sigma_s <= 0:
        return result
    low = np.searchsorted(time_s, time_s - 3 * sigma_s)
    high = np.searchsorted(time_s, time_s + 3 * sigma_s, side="right")
    for i in range(len(result)):
        window = slice(int(low[i]), int(high[i]))
        weight = np.exp(-0.5 * ((time_s[window] - time_s[i]) / sigma_s) ** 2)
        # symmetric, or a face would lag at the ends and at gaps
        reach = min(i - window.start, window.stop - 1 - i)
        inside = slice(i - window.start - reach, i - window.start + reach + 1)
        result[i] = np.average(values[window][inside], axis=0, weights=weight[inside])
    return result
