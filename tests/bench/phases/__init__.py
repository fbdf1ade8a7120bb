"""The phases of the benchmark, one a module: each gives figures of one kind of load."""
