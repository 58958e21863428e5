"""What one Python file says, without knowing any other file."""
