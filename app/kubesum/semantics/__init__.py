"""The meaning of Kubernetes objects: pure functions from decoded views to the facts that the cache stores."""
