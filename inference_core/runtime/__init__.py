# SPDX-License-Identifier: GPL-3.0-or-later
"""Portrait, voice and curves in, frames and curves out, on ONNX Runtime."""
