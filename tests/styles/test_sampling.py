"""Invented people: the same seed gives the same ones, truncation draws them to the mean face."""

import pytest
import torch

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.errors import SettingsError
from stylizer.settings import COUNT_MAX
from stylizer.styles.sampling import sample
from stylizer.weights.load import Networks


def test_a_seed_gives_the_same_people_however_many(networks: Networks) -> None:
    few, many, others = sample(networks, 2, 7), sample(networks, 20, 7), sample(networks, 2, 8)
    assert few.shape == (2, SPEC.num_ws, SPEC.w_dim)
    assert torch.equal(few, many[:2])
    assert not torch.allclose(few, others)
    assert not torch.allclose(many[0], many[1])


def test_truncation_goes_straight_to_the_mean_face(networks: Networks) -> None:
    mean = networks.backbone.wspace.mean.cpu()
    full, half, none = (sample(networks, 3, 1, psi) for psi in (1.0, 0.5, 0.0))
    torch.testing.assert_close(half - mean, (full - mean) / 2)
    torch.testing.assert_close(none, mean.expand_as(none))


@pytest.mark.parametrize(
    "how", [{"count": 0}, {"count": COUNT_MAX + 1}, {"count": 1, "truncation": 1.1}, {"count": 1, "seed": 10**20}]
)
def test_numbers_out_of_range_are_one_sentence(networks: Networks, how: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="choose a value from"):
        sample(networks, **how)  # type: ignore[arg-type]
