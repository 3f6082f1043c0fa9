"""The swap keeps the contract that every anonymizer keeps (the kit of ``framework check``)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from framework_fomm.anonymizer import FommAnonymizer
from framework_fomm.config import FommOptions
from framework_fomm.inference import Animator
from framework_fomm.plugin import framework_anonymizers

from framework.testing import conformance

from .conftest import TINY_BLEND, make_donor, make_model

CAPABILITIES = next(iter(framework_anonymizers())).capabilities


def small_swap() -> FommAnonymizer:
    animator = Animator(make_model(TINY_BLEND), torch.device("cpu"), "float32")
    donors = [make_donor(f"donor-{i}", i) for i in range(4)]
    return FommAnonymizer(FommOptions(), animator, donors, b"key")


@conformance(small_swap, kind="anonymizer", capabilities=CAPABILITIES)
def test_contract(check: Callable[[], str]) -> None:
    check()
