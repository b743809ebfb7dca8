"""The score on the real networks: nothing changed, all changed, and a strength that keeps the person."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.evaluation import score
from stylizer.evaluation.score import LIMIT, QualityScorer, Score
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion
from stylizer.networks.identity import SAME_PERSON
from stylizer.settings import RenderSettings
from stylizer.styles.render import draw
from stylizer.styles.sampling import sample
from stylizer.styles.style import Style
from stylizer.weights.load import Networks


@pytest.fixture(scope="module", autouse=True)
def _once(read_once: None) -> Iterator[None]:
    """Each scorer draws the mean face without and with the style: once for all of them."""
    drawings: dict[int, Image.Image] = {}

    def draw_once(networks: Networks, mean: Inversion, style: Style | None, settings: RenderSettings) -> Image.Image:
        if id(style) not in drawings:
            drawings[id(style)] = draw(networks, mean, style, settings)
        return drawings[id(style)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "draw", draw_once)
        yield


@pytest.fixture(scope="module")
def style(networks: Networks) -> Style:
    """Random changes of the whole generator, enough to make somebody else of everybody."""
    draws = torch.Generator().manual_seed(0)
    named = [(n, p) for n, p in networks.backbone.generator.named_parameters() if not n.endswith("modulation.weight")]
    delta = {n: (0.07 * p.square().mean().sqrt() * torch.randn(p.shape, generator=draws)).half() for n, p in named}
    return Style("", "", delta, {})


@pytest.fixture(scope="module")
def inversion(networks: Networks) -> Inversion:
    return Inversion(sample(networks, 1, seed=3)[0], "fast")


@pytest.fixture(scope="module")
def drawn(networks: Networks, style: Style, inversion: Inversion) -> dict[float, Image.Image]:
    return {s: draw(networks, inversion, style, RenderSettings(s)) for s in (0.0, 0.3, 0.6, 1.0)}


@pytest.fixture(scope="module")
def judge(networks: Networks, style: Style, drawn: dict[float, Image.Image]) -> QualityScorer:
    return QualityScorer(networks, style, drawn[0.0])


def test_without_a_style_all_of_the_person_and_none_of_the_style(
    judge: QualityScorer, drawn: dict[float, Image.Image]
) -> None:
    found = judge(drawn[0.0])
    assert found.identity == pytest.approx(0, abs=1e-4)
    assert found.person == pytest.approx(1, abs=1e-4)
    assert found.style == pytest.approx(0, abs=1e-4)


def test_more_strength_costs_the_person_and_takes_more_style(
    judge: QualityScorer, drawn: dict[float, Image.Image]
) -> None:
    scores = [judge(drawn[s]) for s in sorted(drawn)]
    assert [s.identity for s in scores] == sorted(s.identity for s in scores)
    assert [s.style for s in scores] == sorted(s.style for s in scores)
    assert scores[-1].style > 0.5


def test_the_mean_face_in_the_style_has_taken_all_of_it(networks: Networks, style: Style) -> None:
    mean = Inversion(networks.backbone.wspace.mean.reshape(1, -1).expand(23, -1), "fast")
    plain, styled = (draw(networks, mean, which, RenderSettings()) for which in (None, style))
    assert QualityScorer(networks, style, plain)(styled).style == pytest.approx(1, abs=1e-3)


def test_the_suggestion_keeps_the_person_and_the_next_step_does_not(
    networks: Networks, style: Style, inversion: Inversion, judge: QualityScorer
) -> None:
    @cache
    def at(strength: float) -> Image.Image:
        return draw(networks, inversion, style, RenderSettings(strength))

    assert judge(at(1.0)).identity > LIMIT
    suggested = judge.suggest(at, 1.0)
    assert suggested is not None and 0.3 <= suggested < 1.0
    assert judge(at(suggested)).identity <= LIMIT < judge(at(suggested + 0.05)).identity
    assert judge.suggest(at, suggested) is None  # this one keeps it already


def test_the_person_in_words_of_one() -> None:
    assert [Score(d, 0, 0).person for d in (0.0, 0.6, 1.2, 2.0)] == [1.0, 0.5, 0.0, 0.0]


def test_below_06_it_is_the_same_person() -> None:
    assert [Score(d, 0, 0).same_person for d in (0.0, 0.59, 0.6, 0.8)] == [True, True, False, False]


@pytest.fixture(scope="module")
def missed(networks: Networks, style: Style) -> tuple[AlignedFace, Inversion, Image.Image, QualityScorer]:
    """A photo, an inversion that missed its person, what is drawn of that, and what scores pictures of it."""
    person, stranger = (Inversion(code, "fast") for code in sample(networks, 2, seed=11, truncation=1.0))
    photo, inverted = (draw(networks, who, None, RenderSettings()) for who in (person, stranger))
    aligned = AlignedFace(photo, np.eye(2, 3), None, None)
    return aligned, stranger, inverted, QualityScorer(networks, style, inverted, aligned)


def test_a_portrait_of_somebody_else_is_not_called_the_person(
    networks: Networks, style: Style, missed: tuple[AlignedFace, Inversion, Image.Image, QualityScorer]
) -> None:
    """Whatever the style keeps of the inversion, it is not the photo's."""
    aligned, stranger, inverted, judge = missed
    faint = draw(networks, stranger, style, RenderSettings(0.1))
    found = judge(faint)
    assert not found.same_person and found.inversion_identity > SAME_PERSON
    alone = QualityScorer(networks, style, inverted)(faint)  # without a photo, the inversion is all there is
    assert alone.same_person and alone.inversion_identity == pytest.approx(0, abs=1e-4)
    own = QualityScorer(networks, style, aligned.crop, aligned)(aligned.crop)
    assert own.same_person and own.identity == pytest.approx(own.inversion_identity)


def test_no_lower_strength_is_suggested_where_the_inversion_is_somebody_else(
    missed: tuple[AlignedFace, Inversion, Image.Image, QualityScorer],
) -> None:
    _, _, inverted, judge = missed
    assert judge.suggest(lambda _: inverted, 1.0) is None
