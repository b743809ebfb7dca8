"""MobileStyleGAN: the default generator, 1024 px, light enough for two CPU cores."""
