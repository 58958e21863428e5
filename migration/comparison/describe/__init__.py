"""Describes differences as findings: between events, between effects, between the ends of both runs, and in sentences."""
