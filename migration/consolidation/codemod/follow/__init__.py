"""Follows an implementation that is passed on (by a variable, a table, a `partial`) if every use can be seen."""
