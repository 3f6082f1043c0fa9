"""Confidence that means what it says, in three steps fitted on faces held out from training.

1. Temperature scaling (Guo et al. 2017) divides the logits by one number. It cannot change an
   answer, only how sure the network claims to be.
2. Vector scaling (the same) gives each class a factor and an offset.
3. Networks trained with softened labels claim too much where they are unsure and too little where
   they are sure, which no temperature mends. So the probabilities are raised to a power that grows
   with the top one, which cannot change an answer either.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework_fer.votes import OTHER

PIVOT = 0.6
"""Top probability at which the slope of :func:`sharpened` has no effect."""
PENALTY = 0.003
"""Of squared distance from no correction; the best of four by two-fold cross-validation on held-out
faces, see docs/fer-experiments.md."""


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """Rows of probabilities, (n, classes) float32, each summing to 1."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def fit_temperature(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    low: float = 0.05,
    high: float = 10.0,
) -> float:
    """The temperature with the greatest likelihood.

    The likelihood has one maximum in the inverse temperature, so a golden-section search over the
    logarithm finds it.

    Args:
        logits: (n, classes), of faces that training has not seen.
        labels: (n,).
        low, high: bounds.

    Raises:
        ValueError: no rows, or logits that are not finite.
    """
    if len(labels) == 0 or not np.isfinite(logits).all():
        raise ValueError("fit_temperature: expected finite logits of at least one face")

    def loss(log_temperature: float) -> float:
        scaled = np.asarray(logits, np.float64) / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        likelihood = scaled[np.arange(len(labels)), labels] - np.log(np.exp(scaled).sum(axis=1))
        return float(-likelihood.mean())

    ratio = (np.sqrt(5.0) - 1) / 2
    left, right = float(np.log(low)), float(np.log(high))
    a, b = right - ratio * (right - left), left + ratio * (right - left)
    at_a, at_b = loss(a), loss(b)
    while right - left > 1e-4:
        if at_a <= at_b:
            right, b, at_b = b, a, at_a
            a = right - ratio * (right - left)
            at_a = loss(a)
        else:
            left, a, at_a = a, b, at_b
            b = left + ratio * (right - left)
            at_b = loss(b)
    return float(np.exp((left + right) / 2))


def fit_share_temperature(
    logits: NDArray[np.float32], shares: NDArray[np.float32], low: float = 0.2, high: float = 5.0
) -> float:
    """The temperature at which probabilities are closest to shares of votes (cross-entropy).

    Args:
        logits: (n, classes), of faces that training has not seen.
        shares: (n, classes), rows sum to 1.
        low, high: bounds.
    """
    from scipy.optimize import minimize_scalar

    given = np.asarray(logits, np.float64)

    def loss(log_temperature: float) -> float:
        scaled = given / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(-(shares * (scaled - np.log(np.exp(scaled).sum(1, keepdims=True)))).sum())

    found = minimize_scalar(loss, bounds=(np.log(low), np.log(high)), method="bounded")
    return float(np.exp(found.x))


def fit_vector(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    penalty: float = PENALTY,
    balance: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor and offset of each class with the greatest penalised likelihood.

    Args:
        logits: (n, classes), already divided by the temperature.
        labels: (n,).
        penalty: weight of the squared distance from factor 1 and offset 0.
        balance: 0 fits the likelihood of the faces, 1 that of faces drawn evenly from the seven
            expressions; between them each face counts by its class's frequency to the power
            ``-balance``. Anything else than the seven counts like the most frequent of them. What
            rare expressions gain in recall, frequent ones lose (logit adjustment, Menon et al.
            2021).

    Returns:
        Factors (classes,) and offsets (classes,).
    """
    from scipy.optimize import minimize

    given = np.asarray(logits, np.float64)
    rows, classes = np.arange(len(labels)), given.shape[1]
    hits = np.zeros_like(given)
    hits[rows, labels] = 1.0
    weight = _balanced(labels, balance)[:, None]

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        factor, offset = parameters[:classes], parameters[classes:]
        scaled = given * factor + offset
        scaled -= scaled.max(axis=1, keepdims=True)
        weights = np.exp(scaled)
        p = weights / weights.sum(axis=1, keepdims=True)
        away = np.concatenate([factor - 1.0, offset])
        likelihood = weight[:, 0] * np.log(np.maximum(p[rows, labels], 1e-300))
        value = -likelihood.mean() + penalty * (away**2).sum()
        error = weight * (p - hits) / len(labels)
        slope = np.concatenate([(error * given).sum(axis=0), error.sum(axis=0)])
        return float(value), slope + 2 * penalty * away

    start = np.concatenate([np.ones(classes), np.zeros(classes)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return np.asarray(found[:classes], np.float64), np.asarray(found[classes:], np.float64)


def _balanced(labels: NDArray[np.int64], balance: float) -> NDArray[np.float64]:
    """(n,) weights with mean 1, see :func:`fit_vector`."""
    counts = np.bincount(labels, minlength=OTHER + 1).astype(np.float64)
    counts[OTHER:] = counts[:OTHER].max()
    weight = np.maximum(counts[labels], 1.0) ** -balance
    return np.asarray(weight / weight.mean())


def sharpened(
    probabilities: NDArray[np.float32], level: float, slope: float
) -> NDArray[np.float32]:
    """Rows p as p ** g, divided by their sum, with g = exp(level + slope * (max p - 0.6)).

    Args:
        probabilities: (n, classes).
        level: above 0, everything becomes surer; below, less sure.
        slope: above 0, sure answers become surer and unsure ones less sure.
    """
    given = np.maximum(np.asarray(probabilities, np.float64), 1e-12)
    top = given.max(axis=1, keepdims=True)
    power = np.exp(np.clip(level + slope * (top - PIVOT), -3.0, 3.0))
    return softmax((np.log(given) * power).astype(np.float32))


def fit_sharpening(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[float, float]:
    """``level`` and ``slope`` of :func:`sharpened` that tell best whether the answer is right.

    What is minimised is the log loss of the top probability as a forecast of the answer's being
    right, for this is what a threshold on it relies on.
    """
    from scipy.optimize import minimize

    right = probabilities.argmax(axis=1) == labels

    def loss(parameters: NDArray[np.float64]) -> float:
        top = sharpened(probabilities, float(parameters[0]), float(parameters[1])).max(axis=1)
        claimed = np.clip(top.astype(np.float64), 1e-9, 1 - 1e-9)
        return float(-np.log(np.where(right, claimed, 1 - claimed)).mean())

    found = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(found[0]), float(found[1])


def calibrated(
    logits: NDArray[np.float32],
    temperature: float,
    factor: Sequence[float],
    offset: Sequence[float],
    sharpening: Sequence[float] = (0.0, 0.0),
) -> NDArray[np.float32]:
    """Probabilities (n, classes) after temperature, vector scaling and sharpening."""
    scaled = np.asarray(logits, np.float64) / temperature
    p = softmax((scaled * np.asarray(factor) + np.asarray(offset)).astype(np.float32))
    return sharpened(p, *sharpening)
