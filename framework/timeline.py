"""From classified faces to one row a second and person.

The paper reports emotions by the second. A second's probabilities are the mean of its classified
faces weighted by their quality; its label is the most probable emotion, or ``unknown`` where the
evidence does not carry one. Seconds are counted on the recording's own clock from the frames'
timestamps, so that a variable frame rate needs no special case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from framework.errors import ContractError
from framework.table import TrackTable
from framework.types import EMOTIONS, UNKNOWN, PersonTimeline, Role


class TimelineConfig(BaseModel):
    """When a second has enough evidence for a label, and whether labels are smoothed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_samples: int = Field(
        default=2,
        ge=1,
        le=240,
        description=(
            "Classified faces that a second needs for a label, count. A recording that cannot have "
            "as many (sparser sampling, or fewer frames a second) needs as many as it can have."
        ),
    )
    min_coverage: float = Field(
        default=0.3,
        ge=0.0,
        le=1.0,
        description="Share of the second in which the face must have been observed, 0 to 1.",
    )
    min_quality: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="Mean face quality (size, sharpness, pose) that a second needs, 0 to 1.",
    )
    smoothing_s: int = Field(
        default=0,
        ge=0,
        le=30,
        description=(
            "Width of a centred moving average over the probabilities of known seconds, seconds; "
            "0: none, an even width counts as the next odd one. Seconds without evidence stay "
            "unknown and lend nothing to their neighbours."
        ),
    )


class Correction(Protocol):
    """Changes one person's probabilities, for instance for their resting face."""

    def __call__(
        self, probabilities: NDArray[np.float32], quality: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Corrected rows.

        Args:
            probabilities: (k, 7), all of one person's classified faces in order of time.
            quality: (k,), 0 to 1.

        Returns:
            (k, 7); each row at least 0, with sum 1.
        """
        ...


@dataclass(frozen=True, slots=True)
class Timelines:
    """Everybody's timeline.

    Attributes:
        people: what to show and to advise on; corrected if a correction was given.
        raw: the same people without correction; equal to ``people`` if there was none.
        config: the thresholds and the smoothing that went into both.
        unknown_below: the classifier's threshold on the top probability, 0 to 1.
        corrected: a correction was applied.
    """

    people: tuple[PersonTimeline, ...]
    raw: tuple[PersonTimeline, ...]
    config: TimelineConfig
    unknown_below: float
    corrected: bool = False


def person_name(track_id: int) -> str:
    """The pseudonym of a track, as it appears in every output."""
    return f"person-{track_id}"


def build_timelines(
    table: TrackTable,
    config: TimelineConfig | None = None,
    *,
    unknown_below: float = 0.0,
    correct: Correction | None = None,
) -> Timelines:
    """One timeline for every track that is not a bystander, each over the whole recording.

    Args:
        table: the resolved track table with its samples.
        config: thresholds and smoothing.
        unknown_below: a second whose top probability is lower than this is ``unknown``; comes from
            the classifier, which alone knows what its numbers are worth.
        correct: changes a person's samples before they are aggregated. The raw timeline is kept.

    Returns:
        People in ascending order of their track id.

    Raises:
        ContractError: ``correct`` returned something that is not one distribution a row.
    """
    config = config or TimelineConfig()
    seconds = count_seconds(table)
    present = _observed_share(table, seconds)
    needed = _needed_samples(table, config)
    sample_second = np.zeros(0, np.int64)
    if len(table.samples):
        starts = table.time_s[table.samples.frame]
        sample_second = np.clip(np.floor(starts), 0, max(seconds - 1, 0)).astype(np.int64)

    raw: list[PersonTimeline] = []
    corrected: list[PersonTimeline] = []
    for track_id in table.track_ids():
        role = table.role_of(track_id)
        if role == Role.BYSTANDER:
            continue
        rows = np.flatnonzero(table.samples.track_id == track_id)
        rows = rows[np.argsort(table.samples.frame[rows], kind="stable")]
        probabilities = table.samples.probabilities[rows]
        quality = np.nan_to_num(table.samples.quality[rows], nan=0.0).astype(np.float32)
        second = sample_second[rows]

        def timeline(
            values: NDArray[np.float32],
            track: int = track_id,
            who: Role = role,
            at: NDArray[np.int64] = second,
            weight: NDArray[np.float32] = quality,
        ) -> PersonTimeline:
            means, count, mean_quality = aggregate(values, weight, at, seconds)
            return _label(
                person_name(track),
                who,
                means,
                count,
                present[track],
                mean_quality,
                needed,
                config,
                unknown_below,
            )

        raw.append(timeline(probabilities))
        if correct is not None:
            changed = _checked(correct(probabilities, quality), probabilities.shape)
            corrected.append(timeline(changed))
    kept = tuple(raw)
    people = kept if correct is None else tuple(corrected)
    return Timelines(people, kept, config, unknown_below, corrected=correct is not None)


def count_seconds(table: TrackTable) -> int:
    """Rows of every timeline of this recording: the seconds that it touches."""
    if not table.frame_count:
        return 0
    whole = int(np.ceil(table.duration_s - 1e-9))
    return max(1, whole, int(np.floor(table.time_s[-1])) + 1)


def aggregate(
    probabilities: NDArray[np.float32],
    quality: NDArray[np.float32],
    second: NDArray[np.int64],
    seconds: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Quality-weighted means by second.

    Where every sample of a second has quality 0 they count alike; whether such a second gets a
    label is for the threshold on quality to say. Samples with a value that is not finite are no
    evidence and are left out.

    Args:
        probabilities: (k, 7).
        quality: (k,), 0 to 1.
        second: (k,), each in [0, seconds).
        seconds: n.

    Returns:
        Means (n, 7), each row summing to 1 as its samples do, NaN without samples; counts (n,);
        mean quality (n,), NaN without samples.
    """
    usable = np.isfinite(probabilities).all(axis=1) & np.isfinite(quality)
    values = probabilities[usable].astype(np.float64)
    weight = quality[usable].astype(np.float64)
    at = second[usable]

    count = np.bincount(at, minlength=seconds).astype(np.int64)
    quality_sum = np.bincount(at, weights=weight, minlength=seconds)
    weight = np.where(quality_sum[at] > 0, weight, 1.0)
    weight_sum = np.bincount(at, weights=weight, minlength=seconds)
    with np.errstate(invalid="ignore", divide="ignore"):
        # The share first and the product after it: tiny weights would underflow in the product.
        share = weight / weight_sum[at]
        mean_quality = quality_sum / count
    means = np.full((seconds, len(EMOTIONS)), np.nan)
    seen = count > 0
    for column in range(len(EMOTIONS)):
        total = np.bincount(at, weights=values[:, column] * share, minlength=seconds)
        means[seen, column] = total[seen]
    return means, count, mean_quality


def smooth(probabilities: NDArray[np.float64], width_s: int) -> NDArray[np.float64]:
    """Centred moving average over the rows that have values; rows of NaN stay, and count nothing.

    Args:
        probabilities: (n, 7), rows of NaN where nothing is known.
        width_s: rows; 0 or 1 changes nothing, an even width counts as the next odd one.
    """
    if width_s <= 1:
        return probabilities
    reach = width_s // 2
    known: NDArray[np.bool_] = np.asarray(~np.isnan(probabilities).any(axis=1))
    values = np.where(known[:, None], probabilities, 0.0)
    edge = np.zeros((1, probabilities.shape[1]))
    total = np.concatenate([edge, np.cumsum(values, axis=0)])
    number = np.concatenate([[0], np.cumsum(known)])
    n = len(probabilities)
    low = np.maximum(np.arange(n) - reach, 0)
    high = np.minimum(np.arange(n) + reach + 1, n)
    result = np.full_like(probabilities, np.nan)
    counted = np.maximum(number[high] - number[low], 1).astype(np.float64)
    mean = np.asarray((total[high] - total[low]) / counted[:, None])
    # Differences of running sums can end up a rounding error below zero.
    result[known] = np.maximum(mean[known], 0.0)
    return result


def _label(
    person: str,
    role: Role,
    means: NDArray[np.float64],
    count: NDArray[np.int64],
    coverage: NDArray[np.float64],
    quality: NDArray[np.float64],
    needed: int,
    config: TimelineConfig,
    unknown_below: float,
) -> PersonTimeline:
    # The tolerance forgives rounding in sums of frame durations; a threshold of 0.3 is not meant
    # to turn on the sixteenth digit.
    enough: NDArray[np.bool_] = np.asarray(
        (count >= needed)
        & (coverage >= config.min_coverage - 1e-6)
        & (np.nan_to_num(quality, nan=-1.0) >= config.min_quality - 1e-6)
    )
    rows = np.where(enough[:, None], means, np.nan)
    rows = smooth(rows, config.smoothing_s)
    top = np.nan_to_num(rows, nan=-1.0).max(axis=1, initial=-1.0)
    enough = np.asarray(enough & (top >= unknown_below - 1e-6))
    rows[~enough] = np.nan
    label = tuple(
        EMOTIONS[int(row.argmax())] if known else UNKNOWN
        for row, known in zip(rows, enough, strict=True)
    )
    return PersonTimeline(
        person=person,
        role=role,
        second=np.arange(len(rows), dtype=np.int64),
        probabilities=rows.astype(np.float32),
        label=label,
        samples=count,
        coverage=coverage.astype(np.float32),
        quality=quality.astype(np.float32),
    )


def _needed_samples(table: TrackTable, config: TimelineConfig) -> int:
    """``min_samples``, or what this recording can have in a second if that is less."""
    if not table.frame_count:
        return config.min_samples
    length = max(table.duration_s, 1.0)
    possible = table.frame_count / length
    if table.samples.interval_s > 0:
        possible = min(possible, 1.0 / table.samples.interval_s)
    return max(1, min(config.min_samples, int(np.floor(possible + 1e-6))))


def _observed_share(table: TrackTable, seconds: int) -> dict[int, NDArray[np.float64]]:
    """For each track the share of every second in which it was observed, not carried.

    The last second of a recording usually breaks off; its share is of the part that exists.
    """
    span_frame, span_second, span_length = _spans(table, seconds)
    existing = np.bincount(span_second, weights=span_length, minlength=seconds)
    first_span = np.searchsorted(span_frame, np.arange(table.frame_count + 1))
    shares: dict[int, NDArray[np.float64]] = {}
    for track_id in table.track_ids():
        rows = table.rows_of_track(track_id)
        seen = table.frame[rows[table.observed[rows]]]
        observed = np.zeros(table.frame_count, bool)
        observed[seen] = True
        chosen = np.repeat(observed, np.diff(first_span))
        length = np.bincount(span_second[chosen], weights=span_length[chosen], minlength=seconds)
        share = np.divide(length, existing, out=np.zeros(seconds), where=existing > 0)
        shares[track_id] = np.clip(share, 0.0, 1.0)
    return shares


def _spans(
    table: TrackTable, seconds: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Every frame's time on screen, cut at the full seconds: (frame, second, length in seconds).

    A frame that is on screen for no time (a still image; two equal timestamps) counts as an
    instant: it is given a nanosecond, which matters only where nothing longer shares the second.
    """
    start = table.time_s
    end = start + np.maximum(table.frame_duration_s, 1e-9)
    first = np.floor(start).astype(np.int64)
    last = np.maximum(np.ceil(end).astype(np.int64) - 1, first)
    first, last = np.clip(first, 0, seconds - 1), np.clip(last, 0, seconds - 1)
    pieces = last - first + 1
    frame = np.repeat(np.arange(table.frame_count, dtype=np.int64), pieces)
    within = np.arange(len(frame)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    second = first[frame] + within
    low = np.maximum(start[frame], second)
    high = np.minimum(end[frame], second + 1)
    return frame, second.astype(np.int64), np.maximum(high - low, 1e-12)


def _checked(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    rows = np.asarray(values, np.float32)
    if rows.shape != shape:
        raise ContractError(f"correction: expected probabilities {shape}, got {rows.shape}")
    wrong = rows.size and (
        not np.isfinite(rows).all()
        or float(rows.min()) < -1e-6
        or float(np.abs(rows.sum(axis=1) - 1.0).max()) > 1e-3
    )
    if wrong:
        raise ContractError("correction: expected rows of probabilities, each with sum 1")
    return rows
