"""One module for each revision; the revision id is inside."""
