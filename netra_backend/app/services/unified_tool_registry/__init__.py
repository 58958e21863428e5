"""Tools that agents may call: their definitions, their registry, their implementations."""
