"""Lists and gets: which rows, at which resourceVersion, encoded once and cached."""
