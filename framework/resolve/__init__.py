"""From what a tracker saw, frame by frame, to who is where in the whole recording.

A tracker that runs forwards in time cannot know that a face it sees for the first time was there a
second earlier, or that a lost one comes back. After the last frame everything is known, so every
gap is looked at from both sides::

    log = ObservationLog()
    for frame in frames:
        detections = detector.detect([frame])[0]
        log.append(frame, tracker.update(frame, detections), detections)
    resolution = resolve(log, width=1280, height=720, duration_s=60.0)
    table = assign_roles(resolution.table)
"""

from framework.resolve.audit import Unprotected, unprotected_detections
from framework.resolve.log import ObservationLog
from framework.resolve.options import ResolveOptions
from framework.resolve.resolution import Resolution, resolve
from framework.resolve.roles import assign_roles

__all__ = [
    "ObservationLog",
    "Resolution",
    "ResolveOptions",
    "Unprotected",
    "assign_roles",
    "resolve",
    "unprotected_detections",
]
