"""Every metric name (`metrics`) and every span name (`spans`), once; dashboards and docs are checked against them."""
