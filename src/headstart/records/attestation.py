"""Attestation: what a model was when it was seeded, what it was at step 0, and whether that is honest."""

from __future__ import annotations

from collections.abc import Iterator

from headstart.records.sections import Init


def at_step_zero(init: Init) -> dict[str, str]:
    """Digest of every tensor at step 0, by name: as seeded, where `changed` says nothing else."""
    return {**init.seeded, **init.changed}


def contradictions(init: Init) -> Iterator[str]:
    """Why the start of a run is not what its record says, a sentence each; nothing for an honest start.

    A loaded tensor is what the checkpoint delivered, one drawn again is what was drawn, every other one is as
    it was seeded, and whatever else is there was added by the arm.
    """
    seeded, changed, now = init.seeded, init.changed, at_step_zero(init)
    loaded = init.checkpoint.tensors if init.checkpoint else {}
    if init.checkpoint is None and init.loaded.tensors:
        yield f"{init.loaded.tensors} tensors were loaded, but no checkpoint is named"
    for name, digest in loaded.items():
        if name not in seeded:
            yield f"{name} was loaded, but the seeded model has no such tensor"
        elif now[name] != digest:
            yield f"{name} is not what the checkpoint delivered"
    for name, digest in init.drawn_again.items():
        if now.get(name) != digest:
            yield f"{name} is not what was drawn again"
    others = [name for name in seeded if name not in loaded and name not in init.drawn_again]
    for name in others:
        if name in changed:
            yield f"{name} is not what the seed gives, though nothing was loaded into it"
    counts = {
        "loaded": (init.loaded.tensors, len(loaded)),
        "newly initialised": (init.newly_initialised.tensors, len(others)),
        "added": (init.added.tensors, len(changed.keys() - seeded.keys())),
    }
    for what, (stated, number) in counts.items():
        if stated != number:
            yield f"{stated} tensors are said to be {what}, but the digests name {number}"
    if set(init.newly_initialised.names) != set(others):
        yield "the tensors that are said to be newly initialised are not those that were not loaded"
