"""The pairs of events of both streams, and the pairs of fields of two values."""
