"""Tests of the probes: real training, watched and unwatched."""
