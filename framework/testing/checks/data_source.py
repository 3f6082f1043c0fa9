"""Data sources: items with pseudonyms that decode to frames, and one line for what does not fit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framework.errors import UserError
from framework.harness import DataSet
from framework.testing import scenes
from framework.testing.result import CheckFailed, Skip, check, require
from framework.testing.subject import Subject
from framework.types import EMOTIONS

NAMES = ("Ada Lovelace", "Alan Turing", "Grace Hopper")


@contextmanager
def folder() -> Iterator[str]:
    """A folder with two images of each of three people, in folders with their names."""
    import cv2

    with tempfile.TemporaryDirectory(prefix="framework-check-") as place:
        for k, name in enumerate(NAMES):
            inside = Path(place) / name
            inside.mkdir()
            for n in range(2):
                image = scenes.picture(160, 160, [(40.0, 30.0, 120.0, 130.0)], 10 * k + n)
                (inside / f"{name} {n}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
        yield place


@contextmanager
def opened(subject: Subject) -> Iterator[DataSet]:
    """The set it gives for a folder of images by person, or for nothing."""
    component = subject.create()
    with folder() as place:
        for text in ("", place):
            try:
                data = component.open(text, 20)
            except UserError:
                continue
            require(isinstance(data, DataSet), f"expected DataSet, got {type(data).__name__}")
            yield data
            return
        raise Skip("it needs data that the check cannot make")


@check()
def items_have_pseudonyms(subject: Subject) -> str:
    """Persons, notes and names show no name of a person or folder."""
    with opened(subject) as data:
        require(data.items, "the set has no items")
        text = " ".join([data.name, *data.notes, *(item.person for item in data.items)])
        for name in NAMES:
            require(name not in text and name.split()[1] not in text, f"shows the name {name!r}")
        known = (*EMOTIONS, "")
        wrong = sorted({item.truth for item in data.items} - set(known))
        require(not wrong, f"truth: expected one of {', '.join(EMOTIONS)} or nothing; got {wrong}")
        return f"{len(data.items)} items of {len(data.persons())} persons"


@check()
def items_decode_to_frames(subject: Subject) -> None:
    """The first item has frames in order, from index 0 and time 0, no more than asked for."""
    with opened(subject) as data:
        frames = data.items[0].source.read().frames
        require(0 < len(frames) <= 20, f"expected 1 to 20 frames, got {len(frames)}")
        require([f.index for f in frames] == list(range(len(frames))), "indices: not 0, 1, 2...")
        times = [f.time_s for f in frames]
        require(times[0] == 0 and times == sorted(times), "times: not in order from 0")


@check()
def ids_follow_the_content(subject: Subject) -> None:
    """Two openings give the same items in the same order."""
    with opened(subject) as first, opened(subject) as second:
        a, b = ([(i.person, i.id) for i in data.items] for data in (first, second))
        require(len(set(a)) > 1 or len(a) == 1, "all items have one id")
        require(a == b, "the second opening gives other items")


@check()
def what_does_not_fit_is_refused(subject: Subject) -> None:
    """A text that leads nowhere is a UserError with a message."""
    try:
        subject.create().open("/no/such/folder/anywhere", 20)
    except UserError as error:
        require(str(error), "the error has no message")
    except Exception as error:
        raise CheckFailed(f"expected a UserError, got {type(error).__name__}: {error}") from error
    else:
        raise CheckFailed("a folder that does not exist was accepted")


@check()
def a_second_reading_gives_the_same_frames(subject: Subject) -> None:
    """An item can be read again, and shows the same."""
    with opened(subject) as data:
        first, second = (data.items[0].source.read().frames for _ in range(2))
        require(len(first) == len(second), f"{len(first)} frames, then {len(second)}")
        same = all((a.bgr == b.bgr).all() for a, b in zip(first, second, strict=True))
        require(same, "other pixels at the second reading")


@check()
def descriptions_are_text(subject: Subject) -> None:
    """Names, notes and groups are text, and names for contamination are in lower case."""
    with opened(subject) as data:
        groups = [(k, v) for item in data.items for k, v in item.groups.items()]
        texts = [data.name, *data.notes, *data.known_as, *(t for pair in groups for t in pair)]
        require(all(isinstance(text, str) for text in texts), "a name, note or group is no text")
        require(data.name and "/" not in data.name, f"name: expected no path, got {data.name!r}")
        wrong = [name for name in data.known_as if name != name.lower()]
        require(not wrong, f"known_as: expected lower case, got {wrong}")


CHECKS = (
    items_have_pseudonyms,
    items_decode_to_frames,
    ids_follow_the_content,
    what_does_not_fit_is_refused,
    a_second_reading_gives_the_same_frames,
    descriptions_are_text,
)
