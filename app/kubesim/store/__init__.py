"""The stored objects of the simulated cluster, and the kinds that it stores."""
