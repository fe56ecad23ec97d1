"""Whose database this is: that of these settings, or of another installation."""
