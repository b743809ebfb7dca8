"""Where styles are kept and how they travel: disk, Hub, files."""
