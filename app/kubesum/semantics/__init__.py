"""What Kubernetes means by an object: pure functions from decoded views to compact facts."""
