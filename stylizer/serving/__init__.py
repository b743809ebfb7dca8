"""What the page and the endpoints do, without a widget."""
