# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks on what is made here, and how they are found again.

numpy and Pillow, and c2pa where it is installed: without it frames carry the watermark and the
IPTC note, but no signed manifest.
"""
