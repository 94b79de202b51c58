"""Sessions in a database: tables, filing, search, retention. Knows rows and event logs, no calls."""
