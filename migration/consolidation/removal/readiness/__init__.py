"""Whether control of a surface may go: the criteria (`criteria.py`), each with what was seen and what to do next."""
