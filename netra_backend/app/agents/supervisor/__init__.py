"""Engines that run agents for a supervisor: the deprecated one, the target, its factory."""
