"""LaunchDarkly: the stage of a request, the sources of flags, and how operators edit flags."""
