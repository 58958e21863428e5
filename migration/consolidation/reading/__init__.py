"""The content of one Python file, without knowledge of any other file."""
