"""Every light reference component keeps its contract."""

from __future__ import annotations

from collections.abc import Callable

from framework.testing import conformance

Run = Callable[[], str]


@conformance("anonymizer:blur")
def test_blur(check: Run) -> None:
    check()


@conformance("anonymizer:blur", options={"shape": "ellipse", "cells": 2, "feather": 0})
def test_blur_with_other_options(check: Run) -> None:
    check()


@conformance("anonymizer:pixelate")
def test_pixelate(check: Run) -> None:
    check()


@conformance("anonymizer:mask")
def test_mask(check: Run) -> None:
    check()


@conformance("anonymizer:mask", options={"shape": "landmark"})
def test_mask_by_landmarks(check: Run) -> None:
    check()


@conformance("anonymizer:none")
def test_none(check: Run) -> None:
    check()


@conformance("detector:retinaface")
def test_retinaface(check: Run) -> None:
    check()


@conformance("tracker:bytetrack")
def test_bytetrack(check: Run) -> None:
    check()


@conformance("recommender:rules")
def test_rules(check: Run) -> None:
    check()
