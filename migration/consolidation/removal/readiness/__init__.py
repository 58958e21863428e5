"""Whether control of a surface may be removed: eight criteria, each with what was found and what to do next."""
