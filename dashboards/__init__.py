"""Grafana dashboards built from Python into `grafana/*.json`, and Prometheus' configuration, rules and rule tests."""
