"""The compare room: finished runs in, findings out; numpy and scipy, no torch."""
