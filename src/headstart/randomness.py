"""Named randomness: independent streams from one seed, so that arms cannot shift each other's draws."""

from __future__ import annotations

import hashlib
from typing import Literal

Stream = Literal["weights", "order", "noise", "corruption", "arm", "trials"]


def stream(seed: int, name: Stream, *index: int) -> int:
    """A 63-bit seed for the stream `name` of run seed `seed`, at an index such as a step.

    Independent of other names and indices (sha256), and of the use of other streams.
    """
    text = ":".join(["headstart", str(seed), name, *map(str, index)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
