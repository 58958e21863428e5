"""Reads the content of one Python file, without knowledge of other files."""
