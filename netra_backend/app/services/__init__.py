"""The services of agents: user context, model, tools, database."""
