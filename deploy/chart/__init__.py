"""The Helm chart, made of the Kustomize base and its components."""
