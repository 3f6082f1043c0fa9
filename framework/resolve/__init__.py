"""From what a tracker saw, frame by frame, to who is where in the whole recording.

A tracker that runs forwards in time cannot know that a face it sees for the first time was there a
second earlier, or that a lost one comes back. After the last frame everything is known, so every
gap is looked at from both sides::

    log = ObservationLog()
    watch = PictureWatch(ResolveOptions())
    for frame in frames:
        detections = detector.detect([frame])[0]
        log.append(frame, tracker.update(frame, detections), detections)
        watch.add(frame, detections)
    resolution = resolve(log, 1280, 720, duration_s=60.0, sightings=watch.finish())
    table = assign_roles(resolution.table)
"""

from framework.resolve.audit import Unprotected, unprotected_detections
from framework.resolve.log import ObservationLog
from framework.resolve.options import ResolveOptions
from framework.resolve.pictures import PictureWatch
from framework.resolve.resolution import Resolution, resolve
from framework.resolve.roles import assign_roles
from framework.resolve.sightings import Sightings

__all__ = [
    "ObservationLog",
    "PictureWatch",
    "Resolution",
    "ResolveOptions",
    "Sightings",
    "Unprotected",
    "assign_roles",
    "resolve",
    "unprotected_detections",
]
