"""What agents rely on: user context, model, tools, database."""
