"""Images that tests are made of."""

from __future__ import annotations

import numpy as np
from PIL import Image


def scene(width: int = 48, height: int = 32) -> Image.Image:
    """Smooth colours with no symmetry: every turn and every swap of channels shows."""
    y, x = np.mgrid[:height, :width]
    channels = [x * 255 / max(width - 1, 1), y * 255 / max(height - 1, 1), (x + 2 * y) % 200]
    return Image.fromarray(np.stack(channels, 2).astype(np.uint8))
