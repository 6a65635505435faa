# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core generate | controls | check | serve`."""

import sys

from inference_core.runtime.cli import main

if __name__ == "__main__":
    sys.exit(main())
