"""The kinds of samples there are, by name."""

from __future__ import annotations

from typing import Any

from aecore.data.modalities.image import Image
from aecore.data.modalities.modality import Modality
from aecore.data.modalities.points import Points
from aecore.data.modalities.series import Series
from aecore.data.modalities.table import Table
from aecore.data.modalities.vector import Vector
from aecore.data.modalities.video import Video

MODALITIES: dict[str, Any] = {each.kind: each for each in (Image, Series, Table, Points, Vector, Video)}


def modality_from_json(description: dict[str, Any]) -> Modality:
    """Back from `Modality.to_json`; KeyError or TypeError when it is none."""
    fields = {name: value for name, value in description.items() if name != "kind"}
    made: Modality = MODALITIES[description["kind"]].from_json(fields)
    return made
