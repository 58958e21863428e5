"""Shows an inventory as JSON, tables, SARIF or SVG."""
