"""Which event of one stream stands for which of the other, and which fields of two values differ."""
