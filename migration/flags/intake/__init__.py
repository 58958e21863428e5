"""What every source feeds: flag by flag, and the last known state of what is spoiled or cannot be read."""
