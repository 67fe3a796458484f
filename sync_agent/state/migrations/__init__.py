"""The steps from older databases to today's tables, in order; they are never changed once released."""
