"""From a checkout to a cluster: the image, the manifests, and the verbs that an operator has."""
