"""Answers support tickets: looks things up in parallel, streams an answer, tells a colleague."""
