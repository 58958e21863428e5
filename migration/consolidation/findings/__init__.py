"""What all files mean together: implementations, consumers, broken imports, similarity, shared state."""
