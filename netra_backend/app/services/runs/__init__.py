"""Finished runs and the threads that they make up: what is kept of a run, where, and how a thread is told to a model."""
