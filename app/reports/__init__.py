"""Reports: events counted in parts on many processes, combined, drawn and mailed."""
