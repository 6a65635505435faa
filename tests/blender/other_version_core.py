# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.blender.other_version_core serve ...`: the core of a later release."""

import sys

from inference_core.protocol import version

version.PROTOCOL_VERSION += 1

from inference_core.service.main import serve  # noqa: E402 - it reads the version when it loads

if __name__ == "__main__":
    sys.exit(serve(sys.argv[2:]))
