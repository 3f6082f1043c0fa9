"""Which recordings heard the same conversation, for cameras whose names say nothing.

Comparing every recording with every other one sample by sample would take days. So each is first
reduced to how its loudness in a few bands changes, twenty-five times a second, which is compared by
one correlation; the few best candidates of each are then compared by the sound itself, as for
clocks.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from framework_encounter.sync import RATE, synchronise
from numpy.typing import NDArray

from framework.errors import UserError
from framework.progress import Progress, silent
from framework_study.discover import Found, Proposal, checked, pair_by_name

FEATURES = 25
"""Values a second of each band."""
BANDS = ((100, 400), (400, 1000), (1000, 2000), (2000, 3800))
CANDIDATES = 3
MIN_CONFIDENCE = 0.5


def pair_by_sound(
    folder: object, found: Sequence[Found], progress: Progress = silent
) -> list[Proposal]:
    """Put recordings together whose sound is of the same conversation.

    Names still tell who is the patient where they say so.

    Args:
        folder: names are looked at from here on.
        found: the recordings.
    """
    from pathlib import Path

    audible = [one for one in found if one.has_audio and not one.problem]
    changes = []
    for k, one in enumerate(audible):
        changes.append(loudness_changes(_sound(one)))
        progress("listen", k + 1, len(audible))
    candidates = _candidates(changes)
    matches: list[tuple[float, int, int]] = []
    for k, (a, b) in enumerate(candidates):
        result = synchronise(_sound(audible[a]), _sound(audible[b]))
        if result.confidence >= MIN_CONFIDENCE:
            matches.append((result.confidence, a, b))
        progress("compare", k + 1, len(candidates))
    taken: set[int] = set()
    proposals = []
    named = {
        one.path: role
        for p in pair_by_name(Path(str(folder)), found)
        for role, one in p.cameras.items()
        if len(p.cameras) > 1 or any("no other camera" in doubt for doubt in p.doubts)
    }
    rivals = {k: sum(k in pair for _, *pair in matches) for k in range(len(audible))}
    for confidence, a, b in sorted(matches, reverse=True):
        if taken & {a, b}:
            continue
        taken |= {a, b}
        first, second = audible[a], audible[b]
        doubts = []
        if named.get(first.path) == "doctor" or named.get(second.path) == "patient":
            first, second = second, first
        if {named.get(first.path), named.get(second.path)} != {"patient", "doctor"}:
            doubts.append("the names do not say which camera shows the patient")
        if max(rivals[a], rivals[b]) > 1:
            doubts.append("the sound fits another recording as well")
        if confidence < 0.8:
            doubts.append(f"the sound fits with a confidence of {confidence:.2f} only")
        proposals.append(Proposal({"patient": first, "doctor": second}, tuple(doubts)))
    paired = {one.path for p in proposals for one in p.cameras.values()}
    for one in found:
        if one.path not in paired:
            doubt = "its sound fits no other recording" if one.has_audio else "it has no sound"
            proposals.append(
                Proposal({named.get(one.path, "patient"): one}, () if one.problem else (doubt,))
            )
    return checked(proposals, paired=bool(taken))


def loudness_changes(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """How the loudness of each band changes.

    Args:
        samples: mono, at :data:`framework_encounter.sync.RATE`.

    Returns:
        (bands, n) values, :data:`FEATURES` a second, each band with mean 0 and length 1.
    """
    step = RATE // FEATURES
    count = len(samples) // step
    if count < FEATURES:
        return np.zeros((len(BANDS), 0), np.float32)
    blocks = samples[: count * step].reshape(count, step) * np.hanning(step).astype(np.float32)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    frequency = np.fft.rfftfreq(step, 1 / RATE)
    bands = [power[:, (frequency >= lo) & (frequency < hi)].sum(axis=1) for lo, hi in BANDS]
    loud = np.log(np.stack(bands) + 1e-7)
    change = np.diff(loud, axis=1)
    change -= change.mean(axis=1, keepdims=True)
    length = np.linalg.norm(change, axis=1, keepdims=True)
    return np.asarray(change / np.maximum(length, 1e-9), np.float32)


def _candidates(changes: Sequence[NDArray[np.float32]]) -> list[tuple[int, int]]:
    """Pairs worth a closer look: the best few partners of each recording."""
    from scipy import fft

    n = len(changes)
    height = np.zeros((n, n))
    longest = max((c.shape[1] for c in changes), default=0)
    size = fft.next_fast_len(max(2 * longest, 2), real=True)
    spectra = [fft.rfft(c, size, axis=1) for c in changes]
    for a in range(n):
        for b in range(a):
            if changes[a].shape[1] and changes[b].shape[1]:
                both = fft.irfft((spectra[a] * np.conj(spectra[b])).sum(axis=0), size)
                height[a, b] = height[b, a] = float(both.max() / max(both.std(), 1e-12))
    pairs = {
        (min(a, b), max(a, b))
        for a in range(n)
        for b in np.argsort(-height[a])[:CANDIDATES].tolist()
        if a != b and height[a, b] > 0
    }
    return sorted(pairs)


def _sound(one: Found) -> NDArray[np.float32]:
    """All of a recording's sound, in memory only; nothing where it cannot be decoded."""
    from framework.media import read_audio

    samples = array("f")
    try:
        for block in read_audio(one.path, RATE):
            samples.frombytes(np.ascontiguousarray(block, np.float32).tobytes())
    except UserError:
        return np.zeros(0, np.float32)
    return np.frombuffer(samples, np.float32) if samples else np.zeros(0, np.float32)
