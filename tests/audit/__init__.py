"""What is looked for in code, history, dependencies, settings, manifests and answers."""
