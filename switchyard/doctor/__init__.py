"""Looks at all that the service needs, and says what mends what is not well."""
