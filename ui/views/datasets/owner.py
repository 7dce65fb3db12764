"""Whose a data set is: the name that its owner goes by, and a mark that tells two of one name apart.

The mark is a hash: what a card says is seen by everybody, and the token of a browser is what its owner is known by.
"""

from __future__ import annotations

import re
from hashlib import sha256

from aecore.data.card import DatasetCard
from aecore.store import people
from ui.session import identity

MARK = re.compile(r" \(([0-9a-f]{8})\)\Z")
NAMELESS = "Somebody"


def signature() -> str:
    """What a data set says of the person at this browser: `Ada (5f1c09ab)`."""
    user = identity.current_user()
    return f"{people.display_name(user) or NAMELESS} ({_mark(user)})"


def _mark(user: str) -> str:
    return sha256(user.encode()).hexdigest()[:8]


def display_name(card: DatasetCard) -> str:
    """Who added a data set, without the mark."""
    return MARK.sub("", card.origin.added_by) if card.origin else ""


def is_mine(card: DatasetCard) -> bool:
    """Whether this person may delete it: who added it may, and everybody where nobody is known, as from the command
    line."""
    found = MARK.search(card.origin.added_by) if card.origin else None
    return card.origin is not None and (found is None or found[1] == _mark(identity.current_user()))
