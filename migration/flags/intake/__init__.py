"""Checks the flags of every source one by one, and keeps the last known state of a flag that is invalid or cannot be read."""
