"""Who is where by a flag, and who moves by an edit: shown by evaluation before anything is written."""
