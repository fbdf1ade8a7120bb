"""API machinery: pure functions from declarations, rows and requests to documents and bytes."""
