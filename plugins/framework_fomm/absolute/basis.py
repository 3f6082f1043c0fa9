"""What an expression does to a face: displacement of the mesh and change of its light.

Both are linear in the expression: the coefficients of the measurer and its estimate of how ten
people would name the face. They were fitted in closed form (ridge regression over many people,
everybody's own differences where a person was seen more than once) by
``examples/fit_expression_basis.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import WeightsError

Floats = NDArray[np.float64]

_UPPER_MOST, _LOWER_MOST = 0.17, 0.45  # eye units that brows and lids, mouth and jaw move at most
_BROWS_END, _MOUTH_BEGINS = 0.3, 0.55  # heights on the face, eye units below the bridge


@dataclass(frozen=True)
class Basis:
    """The fitted basis.

    Attributes:
        names: (k,) of the entries of an expression.
        reference: (478, 3) the mean neutral face, frontal, eye units.
        displacement: (k, 478, 3) eye units for each unit of an entry.
        light: (k, s, s) float32, natural logarithm of the ratio of grey values for each unit.
        unit, origin: pixels of the light's canvas for an eye unit, and where the origin lies in it.
        strength: factors on the displacement of brows and lids, on that of mouth and jaw, and on
            light: regression finds all of them too small.
        neutral: (k,) the expression of neutral faces, which moves nothing.
        mouth: (k + 5, v, u) float32, logarithm of the brightness inside an open mouth, against the
            face's, for each unit of an entry and of :func:`mouth_features`.
    """

    names: tuple[str, ...]
    reference: Floats
    displacement: Floats
    light: NDArray[np.float32]
    unit: float
    origin: tuple[float, float]
    neutral: Floats
    strength: tuple[float, float, float]
    mouth: NDArray[np.float32]

    def canvas(self, shape: Floats) -> Floats:
        """(n, 2) pixels of the light's canvas where points (n, 3) of a frontal face lie."""
        return np.asarray(shape[:, :2] * self.unit + self.origin, np.float64)

    def move(self, expression: Floats) -> Floats:
        """(478, 3) displacement of an expression (k,) against the neutral face, as regressed."""
        return np.asarray(np.tensordot(expression - self.neutral, self.displacement, 1))

    def factors(self, share: float = 1.0) -> Floats:
        """(478, 1) by which a displacement is strengthened; ``share`` of it: 0 not at all."""
        low = np.clip((self.reference[:, 1:2] - _BROWS_END) / (_MOUTH_BEGINS - _BROWS_END), 0, 1)
        upper, lower, _ = self.strength
        return np.asarray(1 + share * (upper + low * (lower - upper) - 1), np.float64)

    def limited(self, displacement: Floats) -> Floats:
        """(478, 3) the same, softly limited to what skin can do."""
        low = np.clip((self.reference[:, 1:2] - _BROWS_END) / (_MOUTH_BEGINS - _BROWS_END), 0, 1)
        most = _UPPER_MOST + low * (_LOWER_MOST - _UPPER_MOST)
        size = np.linalg.norm(displacement, axis=1, keepdims=True) / most
        return np.asarray(displacement / np.sqrt(1 + size**2), np.float64)

    def shade(self, expression: Floats) -> NDArray[np.float32]:
        """(s, s) float32 change of the light's logarithm on the canvas."""
        weights = (self.strength[2] * (expression - self.neutral)).astype(np.float32)
        flat = weights @ self.light.reshape(len(weights), -1)
        return np.asarray(flat.reshape(self.light.shape[1:]), np.float32)

    def inside(self, expression: Floats, gap: float, width: float) -> NDArray[np.float32]:
        """(v, u) float32 brightness inside the mouth, as a ratio to the face's.

        Args:
            gap, width: of the opening between the lips, eye units.
        """
        weights = np.concatenate([expression, mouth_features(gap, width)]).astype(np.float32)
        flat = np.exp(weights @ self.mouth.reshape(len(weights), -1))
        return np.asarray(flat.reshape(self.mouth.shape[1:]), np.float32)


_FORMAT = "framework-fomm-expression-basis"
_MESH = "mesh."
_HALF = ("displacement", "light", "mouth")


def load(path: Path) -> Basis:
    """Read a basis.

    Raises:
        WeightsError: the file is missing, broken, or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path.name}: can't be read as safetensors ({error})") from None
    if about.get("format") != _FORMAT:
        raise WeightsError(f"{path.name}: expected a basis of expression")
    canvas, strength = json.loads(about["canvas"]), json.loads(about["strength"])
    return Basis(
        names=tuple(json.loads(about["names"])),
        reference=arrays["reference"].astype(np.float64),
        displacement=arrays["displacement"].astype(np.float64),
        light=arrays["light"].astype(np.float32),
        unit=float(canvas[0]),
        origin=(float(canvas[1]), float(canvas[2])),
        neutral=arrays["neutral"].astype(np.float64),
        strength=(float(strength[0]), float(strength[1]), float(strength[2])),
        mouth=arrays["mouth"].astype(np.float32),
    )


def load_meshes(path: Path) -> dict[str, Floats]:
    """The points of the donors that ship: (478, 3) pixels by the hash of a donor's file."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        names = [name for name in file.keys() if name.startswith(_MESH)]  # noqa: SIM118
        return {n.removeprefix(_MESH): file.get_tensor(n).astype(np.float64) for n in names}


def save(path: Path, basis: Basis, meshes: Mapping[str, Floats]) -> None:
    """Write a basis and the donors' points; what is large in half precision."""
    from safetensors.numpy import save_file

    arrays = {
        name: np.ascontiguousarray(
            getattr(basis, name), np.float16 if name in _HALF else np.float32
        )
        for name in ("reference", "displacement", "light", "neutral", "mouth")
    }
    arrays |= {_MESH + key: points.astype(np.float32) for key, points in meshes.items()}
    about = {
        "format": _FORMAT,
        "names": json.dumps(basis.names),
        "canvas": json.dumps([basis.unit, *basis.origin]),
        "strength": json.dumps(basis.strength),
    }
    save_file(arrays, path, about)


def mouth_features(gap: float, width: float) -> Floats:
    """(5,) what the inside of a mouth depends on besides the expression."""
    open_by = min(max(gap, 0.0), 0.45)
    return np.array([open_by, open_by**2, np.sqrt(open_by), width, 1.0])
