"""One module a revision; the revision id is inside."""
