"""From an aligned face to a code in W+."""
