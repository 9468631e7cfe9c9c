"""The life of an import: received, claimed by a worker, read, compared, applied or cancelled, and dropped."""
