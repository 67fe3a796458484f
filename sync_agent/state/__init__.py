"""The local database: the history of passes and anomalies. Deleting it loses history, never correctness."""
