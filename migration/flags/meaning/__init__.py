"""What flags say: read as LaunchDarkly's JSON, checked for what the SDK refuses, and evaluated by the SDK alone."""
