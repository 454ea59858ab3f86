"""The price of data in pieces: in one process, from files, or on a cluster."""
