"""Whom the donors that ship are composed from."""

from __future__ import annotations

from dataclasses import dataclass

from framework_training.fomm.donors.shape import OUTSIDE


@dataclass(frozen=True)
class Recipe:
    """Whom a donor is composed from; ids are those of the set."""

    faces: tuple[str, ...]
    """Their mean is the face; each gives the fine detail of at most one part of it."""

    outside: dict[str, str]
    """Who gives the fine detail of each part outside the face; together, outline and hairline."""

    coarse_only: frozenset[str] = frozenset()
    """Of the faces, those whose fine detail (a beard among shaved) doesn't fit the others."""

    @property
    def sitters(self) -> tuple[str, ...]:
        """Everybody, each once."""
        return tuple(dict.fromkeys((*self.faces, *self.outside.values())))


def _recipe(faces: str, outside: str, coarse_only: str = "") -> Recipe:
    parts = dict(zip(OUTSIDE, outside.split(), strict=True))
    return Recipe(tuple(faces.split()), parts, frozenset(coarse_only.split()))


# Grouped by eye so that complexion and hair go together; few faces take part in two donors. The
# second list: crown, hair left and right, ear left and right, neck.
RECIPES: dict[str, Recipe] = {
    "donor-01": _recipe("043 042 044 061 082 096 114 137 008", "114 042 137 082 043 061", "096"),
    "donor-02": _recipe("126 006 025 038 062 064 099 129", "126 064 066 006 094 099"),
    "donor-03": _recipe("032 007 014 020 066 094 134 135", "032 014 066 094 010 139"),
    "donor-04": _recipe("034 013 016 030 086 087 113 127", "034 016 030 127 090 002"),
    "donor-05": _recipe("142 005 024 036 045 067 115 119 008", "119 142 024 115 005 018", "036"),
    "donor-06": _recipe("122 009 010 027 083 100 118 139", "122 100 009 010 027 002"),
    "donor-07": _recipe("011 002 019 090 091 097 102 124", "090 011 019 102 032 009"),
    "donor-08": _recipe("107 003 039 081 112 120 136 144", "107 144 083 002 010 122"),
    "donor-09": _recipe("063 018 130 104 128 132 138 141", "132 018 138 130 063 141"),
    "donor-10": _recipe("172 021 031 105 125 131 140 173 132", "172 105 037 125 021 031", "140"),
    "donor-11": _recipe("108 017 037 070 101 103 117 121", "108 121 017 070 117 103"),
    "donor-12": _recipe("026 012 022 029 033 041 068 143", "029 141 068 033 022 012"),
}
