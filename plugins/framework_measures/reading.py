"""From a picture and a rough place to a reading of the face in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from framework.alignment import align, landmarks_from_box, similarity, template
from framework.types import Image
from framework_measures import mesh
from framework_measures.network import CROP_SCALE, INPUT_SIZE, ExpressionNetwork
from framework_measures.weightfile import Loaded

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What was read from one face.

    Attributes:
        points: (478, 3) pixels of the picture (of the crop, if crops were read); z in the same
            unit, away from the camera, 0 in the middle of the head's front.
        coefficients: (c,) 0 to 1.
        votes: (v,) sums to 1.
        pose: yaw, pitch, roll in degrees; roll is that in the picture.
        doubt: how far a second look laid the points elsewhere, in eye units; 0 for one look.
    """

    points: Floats
    coefficients: Floats
    votes: Floats
    pose: tuple[float, float, float]
    doubt: float = 0.0


class Reader:
    """Reads faces. Stateless; the same face gives the same reading in any company."""

    def __init__(self, loaded: Loaded, threads: int = 0, batch: int = 16) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.coefficients, self.votes = loaded.coefficients, loaded.votes
        self.reference = loaded.reference
        self._network = _folded(loaded.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._batch = batch

    def crops(self, faces: Sequence[Image]) -> list[Reading]:
        """Readings of aligned crops of :data:`INPUT_SIZE` pixels (others are resized)."""
        result: list[Reading] = []
        for start in range(0, len(faces), self._batch):
            part = np.stack([_grey(face) for face in faces[start : start + self._batch]])
            with torch.inference_mode():
                found = self._network(torch.from_numpy(part)[:, None])
                votes = found.votes.softmax(1).double().numpy()
            points = found.points.double().numpy()
            points = points * (INPUT_SIZE / 2)
            points[..., :2] += (INPUT_SIZE - 1) / 2
            coefficients = found.coefficients.double().clamp(0, 1).numpy()
            pose = found.pose.double().numpy()
            for i in range(len(part)):
                roll = mesh.angles(mesh.fit_rotation(points[i], self.reference)[0])[2]
                angles = (float(pose[i, 0]), float(pose[i, 1]), roll)
                result.append(Reading(points[i], coefficients[i], votes[i], angles))
        return result

    def faces(
        self, pictures: Sequence[Image], landmarks: Sequence[NDArray[np.floating]]
    ) -> list[Reading]:
        """Readings of faces in pictures; two looks, the second aligned by what the first found.

        Args:
            pictures: one for each face.
            landmarks: (5, 2) pixels of each: eyes, tip of the nose, corners of the mouth.
        """
        first = self._look(pictures, landmarks)
        second = self._look(pictures, [five_points(r.points) for r in first])
        result = []
        for before, after in zip(first, second, strict=True):
            eyes = after.points[mesh.LEFT_EYE_OUTER] - after.points[mesh.RIGHT_EYE_OUTER]
            unit = max(1e-6, float(np.linalg.norm(eyes)))
            off = np.linalg.norm((after.points - before.points)[:, :2], axis=1).mean() / unit
            result.append(
                Reading(after.points, after.coefficients, after.votes, after.pose, float(off))
            )
        return result

    def _look(
        self, pictures: Sequence[Image], landmarks: Sequence[NDArray[np.floating]]
    ) -> list[Reading]:
        fives = [np.asarray(five, np.float32) for five in landmarks]
        crops = [
            align(picture, five, INPUT_SIZE, CROP_SCALE)
            for picture, five in zip(pictures, fives, strict=True)
        ]
        result = []
        for reading, five in zip(self.crops(crops), fives, strict=True):
            matrix = similarity(five, template(INPUT_SIZE, CROP_SCALE)).astype(np.float64)
            scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
            inverse = cv2.invertAffineTransform(matrix)
            points = reading.points / scale
            points[:, :2] = reading.points[:, :2] @ inverse[:, :2].T + inverse[:, 2]
            lean = float(np.degrees(np.arctan2(inverse[1, 0], inverse[0, 0])))
            yaw, pitch, roll = reading.pose
            result.append(
                Reading(points, reading.coefficients, reading.votes, (yaw, pitch, roll + lean))
            )
        return result


def five_points(points: Floats) -> NDArray[np.float32]:
    """(5, 2) the landmarks that crops are aligned by, from the mesh (478, 3)."""
    eyes = [(points[eye[0]] + points[eye[8]] + 2 * points[iris[0]]) / 4 for eye, iris in mesh.EYES]
    rest = points[[mesh.NOSE_TIP, mesh.MOUTH_RIGHT, mesh.MOUTH_LEFT]]
    return np.asarray(np.concatenate([np.stack(eyes), rest])[:, :2], np.float32)


def landmarks_or_box(
    landmarks: NDArray[np.floating] | None, xyxy: NDArray[np.floating]
) -> NDArray[np.float32]:
    """(5, 2) the detector's landmarks, or where they would be in its box."""
    if landmarks is not None and np.isfinite(landmarks).all():
        return np.asarray(landmarks, np.float32)
    return np.asarray(landmarks_from_box(np.asarray(xyxy, np.float32)[None])[0], np.float32)


def _grey(face: Image) -> NDArray[np.float32]:
    """(80, 80) of mean 0 and about deviation 1."""
    picture = np.ascontiguousarray(face)
    if picture.shape[:2] != (INPUT_SIZE, INPUT_SIZE):
        size = (INPUT_SIZE, INPUT_SIZE)
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    return np.asarray((grey - grey.mean()) / (grey.std() + 0.05), np.float32)


def _folded(network: ExpressionNetwork) -> ExpressionNetwork:
    """The same network with its normalisations folded into the convolutions before them."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

    def fold(parent: torch.nn.Module) -> None:
        last: tuple[str, torch.nn.Module] | None = None
        for name, child in list(parent.named_children()):
            if isinstance(child, torch.nn.BatchNorm2d) and last is not None:
                conv = last[1]
                assert isinstance(conv, torch.nn.Conv2d)
                setattr(parent, last[0], fuse_conv_bn_eval(conv, child))
                setattr(parent, name, torch.nn.Identity())
            elif isinstance(child, torch.nn.BatchNorm1d) and last is not None:
                linear = last[1]
                assert isinstance(linear, torch.nn.Linear)
                setattr(parent, last[0], fuse_linear_bn_eval(linear, child))
                setattr(parent, name, torch.nn.Identity())
            else:
                fold(child)
            last = (name, child)

    fold(network)
    return network
