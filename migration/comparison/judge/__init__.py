"""Judges findings: their severity, their cause, whether they are accepted or noise, and the verdict."""
