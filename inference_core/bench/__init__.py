# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core bench`: the field's metrics on any clip, whoever made it.

Beside `inference_core.evaluation`, which measures our own pack. Needs requirements/bench.txt.
"""
