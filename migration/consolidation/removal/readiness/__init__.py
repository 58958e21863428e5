"""Whether control of a surface may be removed: the criteria (`criteria.py`), each with the observed facts and what to do next."""
