# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.blender.slow_core serve ...`: the real core around a slow engine."""

import sys

from inference_core.service.main import serve

if __name__ == "__main__":
    sys.exit(serve(sys.argv[2:], worker="tests.blender.slow_worker"))
