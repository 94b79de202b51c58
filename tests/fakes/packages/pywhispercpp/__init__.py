"""A strict stand-in for the package pywhispercpp 1.5.1."""
