"""What a style is: learning, mixing, drawing and packing it."""
