"""The Gradio page: widgets and events only."""
