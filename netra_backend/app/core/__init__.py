"""Kept for old import paths."""
