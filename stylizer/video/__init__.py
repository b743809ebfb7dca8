"""Faces in videos: reading and writing files, following faces, drawing each frame and putting the drawing back."""
