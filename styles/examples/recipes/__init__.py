"""Drawing recipes: each turns an invented face into a picture made of marks (strokes, cuts, washes, ink lines)."""
