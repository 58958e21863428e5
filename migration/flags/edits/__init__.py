"""Edits of flags, as pure functions on one flag's JSON."""
