"""Frames as the comparison needs them: decoded as little as possible, and normalised by the policy where they differ."""
