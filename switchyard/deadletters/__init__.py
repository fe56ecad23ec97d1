"""What failed for good: looked at where it lies, sent again, or discarded, and a record of both."""
