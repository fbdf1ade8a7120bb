"""The commands of the command line: a light module of flags, and a heavy one that runs."""
