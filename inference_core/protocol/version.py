# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the link.

Both sides must have the same number; there is no negotiation, because both come from one zip.
Raise it whenever a byte on the wire changes its meaning: a new or changed field, type, limit or
dtype. Only the layout of the hello (see handshake.py) may never change, so that any two versions
can tell each other which they are.
"""

PROTOCOL_VERSION = 3
