"""The services that agents and endpoints use: user context, model, tools, database."""
