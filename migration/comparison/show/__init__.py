"""Both streams side by side for people, and what the rules of a policy touch."""
