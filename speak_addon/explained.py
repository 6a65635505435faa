# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that say why they cannot run: one sentence for tooltip, poll and panel."""

from typing import Any

from . import words


class Explained:
    """An operator that says why it is disabled."""

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """A sentence, or nothing when the operator can run."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Blender's own question, answered with the reason."""
        reason = cls.disabled_reason(context)
        if reason:
            cls.poll_message_set(words.say(reason))  # type: ignore[attr-defined]
        return not reason
