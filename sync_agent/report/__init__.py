"""The anomalies for people: now, and how the list has done over time."""
