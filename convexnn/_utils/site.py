"""Where the documentation is."""

# Messages and links go through this line.
DOCUMENTATION = "https://convexnn.readthedocs.io/en/stable/"


def page_of(name: str) -> str:
    """Return the address of the page of a public object, of which the full name is given."""
    return f"{DOCUMENTATION}generated/{name}.html"
