"""What a sample is: images, series, tables, points, plain vectors and videos behind one door."""

from aecore.data.modalities.image import Image as Image
from aecore.data.modalities.modality import Modality as Modality
from aecore.data.modalities.modality import Noun as Noun
from aecore.data.modalities.points import Points as Points
from aecore.data.modalities.registry import MODALITIES as MODALITIES
from aecore.data.modalities.registry import modality_from_json as modality_from_json
from aecore.data.modalities.series import Series as Series
from aecore.data.modalities.table import Column as Column
from aecore.data.modalities.table import Table as Table
from aecore.data.modalities.vector import Vector as Vector
from aecore.data.modalities.video import Video as Video
