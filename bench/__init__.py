"""Measurements, each next to a named peer or bound in the same run: `make bench`."""
