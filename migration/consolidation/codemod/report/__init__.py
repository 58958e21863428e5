"""Shows a plan, and carries it out."""
