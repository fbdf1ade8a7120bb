"""One running server: its parts, its listener, its signals."""
