"""Adding a data set of one's own: a file is understood first, looked at, and kept where it is right."""

from aecore.data.adding.keeping import keep as keep
from aecore.data.adding.room import Room as Room
from aecore.data.adding.room import room_left as room_left
from aecore.data.adding.trash import delete as delete
from aecore.data.adding.trash import restore as restore
from aecore.data.adding.understand import understand as understand
from aecore.data.adding.understood import MAX_FILE_BYTES as MAX_FILE_BYTES
from aecore.data.adding.understood import MIN_SAMPLES as MIN_SAMPLES
from aecore.data.adding.understood import AddOptions as AddOptions
from aecore.data.adding.understood import ColumnSummary as ColumnSummary
from aecore.data.adding.understood import Understood as Understood
