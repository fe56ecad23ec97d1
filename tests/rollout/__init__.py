"""The rendered manifests run as processes, the way a kubelet and the Deployment controller would run them."""
