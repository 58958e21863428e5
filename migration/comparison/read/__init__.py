"""Reads frames for the comparison: decodes as little as possible, and normalises by the policy only frames that differ."""
