# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that makes a model pack: data engine, losses, training stages, export."""
