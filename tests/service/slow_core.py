# SPDX-License-Identifier: GPL-3.0-or-later
"""A real core whose engine does as told: slow, stuck, dying or simply fast.

    python -m tests.service.slow_core serve ...

The control process, the link and the worker are the product's own; only the engine is another.
"""

import sys

from inference_core.service.main import serve

if __name__ == "__main__":
    if sys.argv[1:2] != ["serve"]:
        sys.exit("usage: python -m tests.service.slow_core serve ...")
    sys.exit(serve(sys.argv[2:], worker="tests.service.slow_engine"))
