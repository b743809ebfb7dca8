"""Enlarging pictures four times: see `upscaler.Upscaler`."""
