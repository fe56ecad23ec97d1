"""What the new image holds."""
