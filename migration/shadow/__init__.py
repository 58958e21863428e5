"""Runs the other engine where it can harm nobody: a bounded queue, a process of its own, deadlines."""
