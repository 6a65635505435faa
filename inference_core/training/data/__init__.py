# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered talking heads with exact labels: what SPEAK is trained on."""
