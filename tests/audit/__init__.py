"""What is looked for in code, history, dependencies, settings and answers."""
