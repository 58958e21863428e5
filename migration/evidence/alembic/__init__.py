"""Alembic scripts of the evidence store; `schema.upgrade` runs them."""
