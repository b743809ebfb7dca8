"""Any learned style at the speed of video: a small network learns from the generator to draw a style by itself."""
