"""What is known about divergences, kept: redacted, in SQL."""
