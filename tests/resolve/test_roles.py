"""Roles: the longest and largest presence is the main person."""

from __future__ import annotations

from framework.resolve import assign_roles, resolve
from framework.table import TrackTable
from framework.types import Role
from tests.resolve.trajectories import HEIGHT, WIDTH, log_of, path


def _table() -> TrackTable:
    faces = path(
        100,
        lambda i: (1, 80.0, 60.0, 30.0, 0.9),  # small, always there
        lambda i: (2, 300.0, 180.0, 90.0, 0.9) if i < 60 else None,  # large
        lambda i: (3, 550.0, 180.0, 90.0, 0.9) if i < 20 else None,  # large, soon gone
    )
    return resolve(log_of(faces), WIDTH, HEIGHT, 4.0).table


def test_the_main_person_is_seen_longest_and_largest() -> None:
    table = assign_roles(_table())
    roles = [table.role_of(t) for t in (1, 2, 3)]
    assert roles == [Role.BYSTANDER, Role.PATIENT, Role.BYSTANDER]


def test_several_main_people_and_another_role() -> None:
    table = assign_roles(_table(), main=Role.DOCTOR, people=2)
    assert [table.role_of(t) for t in (1, 2, 3)] == [Role.BYSTANDER, Role.DOCTOR, Role.DOCTOR]


def test_nobody_and_more_than_there_are() -> None:
    assert set(assign_roles(_table(), people=0).roles.values()) == {Role.BYSTANDER}
    assert set(assign_roles(_table(), people=9).roles.values()) == {Role.PATIENT}


def test_equal_presence_is_decided_by_the_number() -> None:
    faces = path(
        20,
        lambda i: (1, 100.0, 180.0, 60.0, 0.9),
        lambda i: (2, 400.0, 180.0, 60.0, 0.9),
    )
    table = assign_roles(resolve(log_of(faces), WIDTH, HEIGHT, 0.8).table)
    assert table.roles == {1: Role.PATIENT, 2: Role.BYSTANDER}
