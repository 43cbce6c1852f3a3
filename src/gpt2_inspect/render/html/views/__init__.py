"""Pictures of results: a file for each command whose page shows more than its sections, with a function `arrange`."""
