"""Decides what replaces each use, in a file and across files, and what is left to a person."""
