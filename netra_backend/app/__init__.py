"""The application; `main.create_app` builds it, `execution` composes its engines."""
