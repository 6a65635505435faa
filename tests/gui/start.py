# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender is started with: finds the drive that the job names, and plays its `steps`."""

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import window

window.play(importlib.import_module(window.JOB["drive"]).steps())
