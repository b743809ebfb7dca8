"""What a result says about its origin."""
