"""Opening, colour and saving of pictures; nothing about faces."""
