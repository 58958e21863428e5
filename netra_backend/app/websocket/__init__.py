"""Connections to clients, and the emitters that send them events."""
