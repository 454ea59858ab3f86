"""Long work that can be interrupted: records, a file of those that are finished, and the loop that fills it."""
