"""Edits of a file's text: calls, import statements, strings."""
