"""Accounts: sign-up, bearer tokens, and the mail that is sent to people."""
