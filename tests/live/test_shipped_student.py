"""The student that ships: it draws every preset, and comes nearer to the generator's pictures than the photo is."""

import numpy as np
import pytest

from stylizer.environment import presets_dir
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.inversion.code import Inversion
from stylizer.library.library import Library
from stylizer.live.students import Students
from stylizer.settings import RenderSettings
from stylizer.styles.render import draw
from stylizer.styles.sampling import sample
from stylizer.weights.load import Networks

NAMES = sorted(path.parent.name for path in presets_dir().glob("*/card.json"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, networks: Networks) -> Library:
    shapes = {name: p.shape for name, p in networks.backbone.generator.named_parameters()}
    home = tmp_path_factory.mktemp("home")
    return Library(home, presets_dir(), networks.base_hash, shapes, backbone=networks.spec.name)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_learned_every_preset(networks: Networks, library: Library, name: str) -> None:
    style = library.find(name)
    assert Students(networks, library.home).part(style) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cartoon", "pencil"])
def test_it_draws_nearer_to_the_generators_picture_than_the_photo_is(
    networks: Networks, library: Library, name: str
) -> None:
    students, style = Students(networks, library.home), library.find(name)
    part = students.part(style)
    assert part is not None
    inversion = Inversion(sample(networks, 1, seed=11)[0], "fast")
    photo, wanted = (
        to_tensor(draw(networks, inversion, each, RenderSettings()).resize((384, 384))) for each in (None, style)
    )
    drawn = students.drawer(style, part, 1.0).draw(photo)
    distances = [float((each - wanted).abs().mean()) for each in (drawn, photo)]
    assert distances[0] < 0.6 * distances[1]
    assert np.asarray(to_image(drawn)).std() > 20
