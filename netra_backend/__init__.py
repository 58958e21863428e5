"""A multi-tenant, multi-agent chat backend: what a company spends on AI models, and how to spend less."""
