"""The dashboards and alert rules, against what kubesum really serves."""
