"""Before any test imports NumPy: linear algebra on one thread, see ``framework.cli.main``."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
