"""Whether the audit sees users of an engine: hidden users of known kinds (`kinds.py`) are planted in a copy of the tree (`planting.py`)."""
