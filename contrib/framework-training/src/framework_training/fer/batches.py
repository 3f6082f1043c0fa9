"""Batches of random views, a pure function of seed, epoch and step.

Nothing here depends on what was drawn before, so that a resumed training sees what an uninterrupted
one would have seen, and any number of loader processes gives the same batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from framework_fer.framing import normalised
from numpy.typing import NDArray

from framework_training.fer.augment import Augmentation
from framework_training.fer.datasets import LabelledFaces


@dataclass(frozen=True)
class TrainingBatches:
    """A map-style data set for :class:`torch.utils.data.DataLoader` whose items are whole batches.

    Attributes:
        faces: what to train on.
        targets: (n, k) float32, see :func:`framework_fer.votes.targets`; further columns are scores
            of facial movements, NaN where unknown.
        augmentation: see :class:`Augmentation`.
        side: of the network's input, pixels.
        batch: faces in a batch.
        epoch, seed: of the random choices.
        balance: 0 draws every face equally often, 1 every class; between them, each face by its
            class's frequency to the power ``-balance``.
        mixup: parameter of the Beta distribution of mixup (Zhang et al. 2018), applied to every
            other batch on average; 0 leaves it out.
        part, parts: this process takes every ``parts``-th face of each batch, from ``part`` on.
    """

    faces: LabelledFaces
    targets: NDArray[np.float32]
    augmentation: Augmentation
    side: int
    batch: int
    epoch: int
    seed: int
    balance: float = 0.25
    mixup: float = 0.3
    part: int = 0
    parts: int = 1

    def __len__(self) -> int:
        return max(1, len(self.faces) // self.batch)

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(b, 1, side, side) normalised faces and (b, k) targets; b is this part's share."""
        rows = self.order()[step * self.batch : (step + 1) * self.batch]
        rng = np.random.default_rng([self.seed, self.epoch, step, self.part])
        rows = rows[self.part :: self.parts]
        views = [
            self.augmentation.view(self.faces.greys[i], self.faces.placement[i], self.side, rng)
            for i in rows
        ]
        inputs, targets = normalised(np.stack(views)), self.targets[rows]
        if self.mixup > 0 and rng.random() < 0.5:
            share = np.float32(rng.beta(self.mixup, self.mixup))
            other = rng.permutation(len(rows))
            inputs = share * inputs + (1 - share) * inputs[other]
            targets = share * targets + (1 - share) * targets[other]
        return inputs, targets

    def order(self) -> NDArray[np.intp]:
        """Which face comes when in this epoch, (len(self) * batch,), possibly with repetitions.

        Systematic resampling: a face with weight w is drawn floor(w) or ceil(w) times, never more.
        """
        labels = self.faces.labels
        counts = np.bincount(labels)
        weights = counts[labels].astype(np.float64) ** -self.balance
        edges = np.cumsum(weights / weights.sum())
        rng = np.random.default_rng([self.seed, self.epoch])
        wanted = min(len(self) * self.batch, max(len(labels), self.batch))
        points = (np.arange(wanted) + rng.random()) / wanted
        # A random order of the faces first: neighbours would otherwise always be drawn together.
        chosen = np.searchsorted(edges, points).clip(0, len(labels) - 1)
        return np.asarray(rng.permutation(chosen), np.intp)
