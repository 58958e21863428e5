"""Whether control of a surface may go: eight criteria, each with what was seen and what to do next."""
