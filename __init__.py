# SPDX-License-Identifier: GPL-3.0-or-later
"""SPEAK for Blender: the repository root is the root package of the extension."""

from .speak_addon import register, unregister

__all__ = ["register", "unregister"]
