"""Erasure: a person's or a tenant's data is removed from every place that stores it, and every file is searched for the rest.

`subject.py` names the person, `places.py` lists the places, `search.py` searches files, `erase.py` does everything in order.
"""

from migration.erasure.erase import Erasure, ErasureReport
from migration.erasure.subject import Subject

__all__ = ["Erasure", "ErasureReport", "Subject"]
