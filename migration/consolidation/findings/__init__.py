"""The meaning of all files together: implementations, consumers, broken imports, similarity, shared state."""
