"""Files and folders into a collection."""
