"""Which files there are, which of them can matter, and what is cached about them between two runs."""
