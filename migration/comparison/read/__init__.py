"""Frames as the comparison needs them: decoded as little as can be, and normalised by the policy where they differ."""
