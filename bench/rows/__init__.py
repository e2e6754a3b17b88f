"""The rows of the tables: a file per peer, each with a list `ROWS`."""
