"""Finished runs and the threads that they form: the stored form of a run, the stores, and the form of a thread for a model."""
