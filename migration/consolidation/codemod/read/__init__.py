"""What the files of a tree say: one file's syntax, what its names mean, where it uses legacy implementations, what the target offers."""
