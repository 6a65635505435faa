# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the weights by which `verify` knows frames of SPEAK without a mark."""
