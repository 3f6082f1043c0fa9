"""Before any test imports NumPy: linear algebra on one thread, see ``framework.cli.main``."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import settings

# How long an example takes depends on what else the machine does; timing bounds live in examples/.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
