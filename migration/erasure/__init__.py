"""Erasure: a person's or a tenant's data is removed from every place that keeps any, and every file is searched for what is left.

`subject.py` says whose, `places.py` lists who keeps what, `search.py` looks through files, `erase.py` does it in order.
"""

from migration.erasure.erase import Erasure, Report
from migration.erasure.subject import Subject

__all__ = ["Erasure", "Report", "Subject"]
