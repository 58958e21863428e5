"""The legacy engines as streams of frames, one module a surface. They go when the migration is done."""
