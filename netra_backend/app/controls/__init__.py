"""The legacy engines as streams of frames, one module for each surface. They are removed when the migration is done."""
