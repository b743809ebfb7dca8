"""Metrics, and the score that users read."""
