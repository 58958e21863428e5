"""Where an implementation is handed on (by a variable, a table, a `partial`): followed where every use can be seen."""
