# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a pack hears and speaks: the voice's part of `evaluate`."""
