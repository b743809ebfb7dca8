"""StyleGAN2 for FFHQ, 1024 px: the generator of JoJoGAN, for people with a GPU, with its discriminator and e4e."""
