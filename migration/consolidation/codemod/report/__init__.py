"""What a plan looks like, and carrying it out."""
