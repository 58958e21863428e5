"""Reads the files of a tree: the syntax of each, the meaning of its names, its uses of legacy implementations, and what the target
offers.
"""
