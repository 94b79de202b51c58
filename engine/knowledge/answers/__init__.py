"""From passages to what is said."""
