"""Removal: whether control of a surface may go (criteria, certificate), and its going (what apply deletes and rewrites)."""
