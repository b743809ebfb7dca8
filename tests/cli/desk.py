"""The desk that the commands of these tests work on, and the words that most of them begin with."""

from pathlib import Path

from PIL import Image

from tests.tiny import noise_picture

STYLIZE = ("stylize", "--reference", "ref.png", "--out", "out", "--target")


def lay_out(desk: Path) -> None:
    """A reference, two photos, a picture without a face, and a text that is called a picture."""
    for seed, name in enumerate(["ref.png", "ann.png", "bob.jpg"]):
        noise_picture(seed).save(desk / name)
    Image.new("RGB", (90, 90), "blue").save(desk / "sky.png")
    (desk / "text.png").write_text("not a picture")
