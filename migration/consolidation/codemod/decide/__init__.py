"""Decides what each use becomes, in a file and across files, and what is left to a person."""
