"""Editing flags: one file for each source."""
