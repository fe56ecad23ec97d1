"""What the old image holds."""
