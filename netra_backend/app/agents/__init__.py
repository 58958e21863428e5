"""The agents, and the engines that execute them."""
