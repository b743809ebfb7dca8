"""Pretrained face generators behind one protocol."""
