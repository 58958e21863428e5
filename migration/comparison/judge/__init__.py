"""How much a finding matters, what it follows from, who accepted it, whether it is noise, and the verdict."""
