"""What is broken, one promise at a time, and the tests that are named for it."""

from __future__ import annotations

from .claim import CLAIM
from .fence import FENCE
from .keys import KEYS
from .lease import LEASE
from .walls import WALLS

MUTATIONS = (*FENCE, *LEASE, *CLAIM, *WALLS, *KEYS)
