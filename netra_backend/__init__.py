"""A multi-tenant, multi-agent chat backend that answers what a company spends on AI models and how it can spend less."""
