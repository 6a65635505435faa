# SPDX-License-Identifier: GPL-3.0-or-later
"""The SPEAK tab of the 3D View and the Sequencer, one module per panel, in the order of the work:
shot, portrait, voice, generate, playhead, curves, result.

Nothing is written while drawing.
"""

from .base import in_editors
from .curves import CurvesPanel, SPEAK_MT_curves_from
from .generate import GeneratePanel
from .marks import MarksPanel
from .playhead import PlayheadPanel
from .portrait import PortraitPanel
from .result import ResultPanel
from .rig import RigPanel, SPEAK_UL_rig_shapes
from .sets import SetsPanel, SPEAK_MT_moods, SPEAK_MT_sets
from .shot import ShotPanel, SPEAK_MT_more_shots
from .takes import TakesPanel
from .voice import VoicePanel

CLASSES = (
    SPEAK_MT_more_shots,
    SPEAK_MT_curves_from,
    SPEAK_UL_rig_shapes,
    SPEAK_MT_moods,
    SPEAK_MT_sets,
    *in_editors(
        (
            ShotPanel,
            PortraitPanel,
            VoicePanel,
            GeneratePanel,
            PlayheadPanel,
            SetsPanel,
            CurvesPanel,
            ResultPanel,
            TakesPanel,
            RigPanel,
            MarksPanel,
        )
    ),
)
