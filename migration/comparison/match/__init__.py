"""Pairs the events of two streams, and the fields of two values."""
