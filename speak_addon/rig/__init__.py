# SPDX-License-Identifier: GPL-3.0-or-later
"""A voice on the animator's own 3D face: 52 ARKit shapes or 15 visemes as keyed shape keys."""

from . import operators, properties

CLASSES = (*properties.CLASSES, *operators.CLASSES)


def register() -> None:
    """Give objects what they remember about their face."""
    properties.register()


def unregister() -> None:
    """Take it back."""
    properties.unregister()
