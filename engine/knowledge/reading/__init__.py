"""Any document in, passages out: one file a format, cut in one place, parsed in processes with limits."""
