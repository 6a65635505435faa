# SPDX-License-Identifier: GPL-3.0-or-later
"""The core of SPEAK: portrait, voice and control tracks in, frames and curves out."""

__version__ = "0.1.0"
