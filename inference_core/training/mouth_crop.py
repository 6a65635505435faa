# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the mouths lie that the sync expert is taught on and the sync witness is shown."""

HEIGHT, WIDTH = 48, 64  # pixels
REACH = 0.72  # half the crop's width over the distance from the eyes to the mouth
DROP = 0.12  # its centre: this far below the middle of the mouth's corners, of that distance
