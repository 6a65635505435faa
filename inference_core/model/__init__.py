# SPDX-License-Identifier: GPL-3.0-or-later
"""SPEAK in PyTorch: imported for training and export only, never by the runtime."""
