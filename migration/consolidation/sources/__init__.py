"""Which files there are, which of them can matter, and what is remembered about them between two runs."""
