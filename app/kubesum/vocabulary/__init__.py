"""The words every layer shares: quantities, errors, declarations; standard library and msgspec only."""
