"""Was this picture made here? One sentence, for anybody's picture."""

from pathlib import Path

from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.messages import display_name


def describe_origin(stylizer: Engine | LazyStylizer, picture: Path) -> tuple[str, bool]:
    """What a picture says of where it was made, and whether that was here.

    Raises:
        ImageError: it is no picture.
    """
    from stylizer.imaging.decoding import open_picture_safely
    from stylizer.provenance.report import describe_finding, inspect_file  # brings torch along: not at the page's start

    found = inspect_file(picture, open_picture_safely)
    styles = loaded(stylizer).styles() if found.made_here else []
    name = next((display_name(style.name) for style in styles if found.is_of(style.key)), None)
    return describe_finding("This picture", found, name), found.made_here
