# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every test."""

from __future__ import annotations

import os
import tempfile

# Before anything is imported or started: no test touches the user's own signing key.
os.environ["SPEAK_CONFIG"] = tempfile.mkdtemp(prefix="speak-test-config-")
