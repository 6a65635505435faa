# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the voice encoder: speech in, fifteen viseme weights at 50 Hz out."""
