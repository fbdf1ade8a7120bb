"""The informer's store: the facts of every watched object, joined."""
