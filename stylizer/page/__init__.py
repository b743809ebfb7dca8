"""The pieces of the page: what it looks like, what its controls do, and the endpoints that programs call."""
