# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a model pack as its users get it: through the ONNX files and the engine."""
