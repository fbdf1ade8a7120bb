"""Watches: where they start, which events they send, and when they end."""
