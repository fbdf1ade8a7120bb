"""Grafana dashboards and alert rules, made from short declarations; `make generate` writes their files."""
