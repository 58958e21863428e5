"""Finished runs and the threads that they form: the stored form of a run, its place, and the form of a thread for a model."""
