"""LaunchDarkly: which stage a request is in, where flags come from, and how operators edit them."""
