"""Moves tenants: edits of flags are proved before they are written, and then checked until processes follow."""
