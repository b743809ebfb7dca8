"""Where styles are stored and how they travel: disk, Hub, files."""
