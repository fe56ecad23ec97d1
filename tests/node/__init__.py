"""Two nodes of a real Kubernetes on one machine, in namespaces of the run's own."""
