"""How an inventory is shown: JSON, table, SARIF, SVG."""
