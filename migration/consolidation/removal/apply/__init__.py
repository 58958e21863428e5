"""Removes control: plans as values which files are deleted and edited, and then carries the plan out."""
