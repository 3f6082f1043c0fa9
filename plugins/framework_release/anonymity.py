"""k-anonymity of the group columns: k people share each combination, or it is not shown.

Full-domain generalisation, step by step the column with the most distinct values (Datafly: Sweeney
2002, "Achieving k-anonymity privacy protection using generalization and suppression", Int. J.
Uncertain. Fuzziness Knowl.-Based Syst. 10(5)). At each step, if the people outside every large
enough class are themselves at least k and at most a fifth of all, their cells are suppressed
instead of generalising further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MISSING = "n/a"
ANY = "*"
MOST_SUPPRESSED = 0.2
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Generalised:
    """What may be shown.

    Attributes:
        rows: one for each person, in the order given.
        steps: what was done, a sentence each.
        smallest: number of people in the smallest class; 0 if there are no people.
    """

    rows: tuple[Mapping[str, str], ...]
    steps: tuple[str, ...] = field(default=())
    smallest: int = 0


def generalise(
    people: Sequence[Mapping[str, str]], columns: Sequence[str], k: int, age: str | None, band: int
) -> Generalised:
    """Generalise until every combination of ``columns`` is shared by at least ``k`` people.

    Args:
        people: raw cells of each person.
        columns: what is to be shown.
        k: people in the smallest class.
        age: the column that is an age in years; it is never shown more finely than in bands.
        band: width of the narrowest band, years.
    """
    raw = [{c: p.get(c, "").strip() for c in columns} for p in people]
    if not columns or not raw:
        return Generalised(tuple({} for _ in raw), (), len(raw))
    levels = dict.fromkeys(columns, 0)
    steps: list[str] = []
    while True:
        rows = [_at(row, levels, age, band) for row in raw]
        sizes = Counter(_key(row, columns) for row in rows)
        outside = [i for i, row in enumerate(rows) if sizes[_key(row, columns)] < k]
        if not outside:
            break
        if k <= len(outside) <= MOST_SUPPRESSED * len(rows):
            for i in outside:
                rows[i] = dict.fromkeys(columns, MISSING)
            steps.append(f"the groups of {len(outside)} people were suppressed in every column")
            break
        open_columns = [c for c in columns if levels[c] < _top(c, age, band)]
        if not open_columns:  # fewer than k people altogether
            rows = [dict.fromkeys(columns, MISSING) for _ in rows]
            steps.append(f"all groups were suppressed: there are fewer than {k} people")
            break
        distinct = {c: len({row[c] for row in rows}) for c in open_columns}
        widest = max(open_columns, key=lambda c: (distinct[c], c == age, c))
        levels[widest] += 1
        shown = _says(widest, levels[widest], age, band)
        steps = [s for s in steps if not s.startswith(f"{widest}: ")] + [f"{widest}: {shown}"]
    sizes = Counter(_key(row, columns) for row in rows)
    return Generalised(tuple(rows), tuple(steps), min(sizes.values()))


def class_sizes(
    rows: Sequence[Mapping[str, str]], columns: Sequence[str]
) -> Counter[tuple[str, ...]]:
    """How many people share each combination."""
    return Counter(_key(row, columns) for row in rows)


def _key(row: Mapping[str, str], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(row[c] for c in columns)


def _widths(band: int) -> list[int]:
    return [w for w in (band, 2 * band, 4 * band) if w <= 80]


def _top(column: str, age: str | None, band: int) -> int:
    return len(_widths(band)) if column == age else 1


def _at(
    row: Mapping[str, str], levels: Mapping[str, int], age: str | None, band: int
) -> dict[str, str]:
    shown = {}
    for column, value in row.items():
        if levels[column] >= _top(column, age, band):
            shown[column] = ANY
        elif not value:
            shown[column] = MISSING
        elif column == age:
            shown[column] = _age(value, _widths(band)[levels[column]])
        else:
            shown[column] = value
    return shown


def _age(value: str, width: int) -> str:
    """``47`` is ``40-49`` in bands of ten; 90 and above are one (45 CFR 164.514(b)(2)(i)(C))."""
    try:
        years = int(float(value.replace(",", ".")))
    except ValueError:
        return MISSING
    if not 0 <= years <= 130:
        return MISSING
    low = min(years, 90) // width * width
    return f"{low}+" if low + width > 90 else f"{low}-{low + width - 1}"


def _says(column: str, level: int, age: str | None, band: int) -> str:
    if level >= _top(column, age, band):
        return "not shown, because too few people share its values"
    return f"in bands of {_widths(band)[level]} years"
