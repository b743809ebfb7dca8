"""Drawing by torch and by OpenVINO: the same pictures, exact at strength 0, from many threads, chosen as asked."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.backbones import synthesis
from stylizer.backbones.functional import TunedGenerator
from stylizer.backbones.openvino_quietly import compile_for_cpu
from stylizer.backbones.synthesis import Change, OpenVinoSynthesizer, Synthesizer, TorchSynthesizer, choose_synthesizer
from stylizer.environment import presets_dir
from stylizer.errors import SettingsError
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.library.library import Library
from stylizer.settings import RenderSettings
from stylizer.styles.render import compile_style, draw
from stylizer.styles.sampling import sample
from stylizer.styles.style import Style
from stylizer.weights.load import Networks
from tests.backbones.other_backbone import other_networks
from tests.tiny import TinyGenerator, random_style, tiny_backbone

LEVEL = 2 / 255  # of pictures in [-1, 1]


@pytest.fixture(scope="module")
def by_torch(networks: Networks) -> Synthesizer:
    return TorchSynthesizer(networks.backbone)


@pytest.fixture(scope="module")
def by_openvino(networks: Networks) -> Synthesizer:
    pytest.importorskip("openvino")
    return OpenVinoSynthesizer(networks.backbone, networks.backbone.openvino_graph(), threads=1)


@pytest.fixture(scope="module")
def presets(tmp_path_factory: pytest.TempPathFactory, networks: Networks) -> Callable[[str], Style]:
    return Library(tmp_path_factory.mktemp("home"), presets_dir(), networks.base_hash).find


@pytest.fixture(scope="module")
def codes(networks: Networks) -> list[torch.Tensor]:
    return [code[None] for code in sample(networks, 2, seed=5, truncation=0.9)]


def change(style: Style, strength: float) -> Change:
    return style.delta, lambda name: strength


@pytest.fixture(scope="module", params=[("oil", 0.0), ("pencil", 0.7), ("comic", 1.5)], ids=lambda given: given[0])
def a_change(request: pytest.FixtureRequest, presets: Callable[[str], Style]) -> Change:
    name, strength = request.param
    return change(presets(name), strength)


def test_openvino_draws_what_torch_draws(
    by_torch: Synthesizer, by_openvino: Synthesizer, codes: list[torch.Tensor], a_change: Change
) -> None:
    one, other = (each.merge([a_change]) for each in (by_torch, by_openvino))
    for code in codes:
        ours, theirs = one(code), other(code)
        assert ours.shape == theirs.shape and ours.std() > 0.1
        assert (ours - theirs).abs().max() < LEVEL
        levels = [np.asarray(to_image(picture), int) for picture in (ours, theirs)]
        assert np.abs(levels[0] - levels[1]).max() <= 1


def test_what_a_photo_changed_is_drawn_too(
    networks: Networks, by_torch: Synthesizer, by_openvino: Synthesizer, codes: list[torch.Tensor]
) -> None:
    base = TunedGenerator(networks.backbone, networks.spec.is_trunk).base
    draws = torch.Generator().manual_seed(0)
    tuned = {n: 0.02 * p.square().mean().sqrt() * torch.randn(p.shape, generator=draws) for n, p in base.items()}
    changes: list[Change] = [(tuned, lambda _: 1.0)]
    ours, theirs, plain = by_torch.merge(changes)(codes[0]), by_openvino.merge(changes)(codes[0]), by_torch.merge([])
    assert (ours - theirs).abs().max() < LEVEL < (ours - plain(codes[0])).abs().max()


def test_strength_0_is_the_plain_picture_bit_for_bit_whichever_draws(
    networks: Networks, by_torch: Synthesizer, by_openvino: Synthesizer, presets: Callable[[str], Style]
) -> None:
    inversion = Inversion(sample(networks, 1, seed=6)[0], "fast")
    for synthesizer in (by_torch, by_openvino):
        engine = replace(networks, synthesizer=synthesizer)
        plain = draw(engine, inversion, None, RenderSettings())
        assert draw(engine, inversion, presets("oil"), RenderSettings(0.0)).tobytes() == plain.tobytes()


def test_a_compiled_style_draws_many_codes_as_one_by_one(networks: Networks, presets: Callable[[str], Style]) -> None:
    inversions = [Inversion(code, "fast") for code in sample(networks, 2, seed=7)]
    settings = RenderSettings(0.8, shape=0.5)
    networks = replace(networks, faces=None)  # what is merged is asked, not what is laid over it
    renderer = compile_style(networks, presets("oil"), settings)
    for inversion in inversions:
        assert renderer(inversion).tobytes() == draw(networks, inversion, presets("oil"), settings).tobytes()
    tuned = Inversion(inversions[0].w_plus, "faithful", {"conv.bias": torch.ones(512)})
    assert renderer(tuned).tobytes() == draw(networks, tuned, presets("oil"), settings).tobytes()
    assert renderer(tuned).tobytes() != renderer(inversions[0]).tobytes()


def test_many_threads_get_their_own_pictures(
    by_openvino: Synthesizer, presets: Callable[[str], Style], codes: list[torch.Tensor]
) -> None:
    merged = [by_openvino.merge([change(presets(name), 1.0)]) for name in ("oil", "pencil")]
    alone = [one(codes[0]) for one in merged]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda i: merged[i % 2](codes[0]), range(4)))
    assert all(torch.equal(picture, alone[i % 2]) for i, picture in enumerate(together))


def test_a_forked_process_draws_by_torch(
    by_torch: Synthesizer, by_openvino: Synthesizer, codes: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert torch.equal(by_openvino.merge([])(codes[0]), by_torch.merge([])(codes[0]))


def test_amounts_of_each_parameter_and_none_at_0() -> None:
    generator = TinyGenerator()
    style = random_style(generator)
    merged = synthesis._merged(
        dict(generator.named_parameters()),
        [(style.delta, lambda name: 0.5 if name == "spread" else 0.0)],
        lambda _, x: x,
    )
    assert set(merged) == {"spread"}
    torch.testing.assert_close(merged["spread"], generator.spread + 0.5 * style.delta["spread"].float())


def test_the_environment_chooses(networks: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = networks.backbone
    monkeypatch.setenv("STYLIZER_RENDERER", "torch")
    assert choose_synthesizer(backbone).name == "torch"
    monkeypatch.setenv("STYLIZER_RENDERER", "crayon")
    with pytest.raises(SettingsError, match="torch or openvino"):
        choose_synthesizer(backbone)
    monkeypatch.setenv("STYLIZER_RENDERER", "openvino")
    if synthesis.importlib.util.find_spec("openvino"):
        assert choose_synthesizer(backbone).name == "openvino"
    monkeypatch.setattr(synthesis.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="pip install openvino"):
        choose_synthesizer(backbone)
    monkeypatch.delenv("STYLIZER_RENDERER")
    assert choose_synthesizer(backbone).name == "torch"


def test_a_backbone_without_a_graph_is_drawn_by_torch(networks: Networks) -> None:
    assert other_networks(networks).synthesizer.name == "torch"
    tiny = tiny_backbone()
    picture = TorchSynthesizer(tiny).merge([])(torch.zeros(1, tiny.spec.num_ws, tiny.spec.w_dim))
    assert isinstance(to_image(picture), Image.Image)


def test_openvino_reports_to_nobody() -> None:
    """In a new process: no thread is started for its telemetry, and another import of that part works as before."""
    code = (
        "import sys, threading\n"
        "from stylizer.backbones.openvino_quietly import load_openvino\n"
        "load_openvino().Core()\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert 'openvino_telemetry' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_openvino_ties_no_thread_to_a_core(networks: Networks) -> None:
    """Two processes of one thread each would share the first core, which makes both half as fast."""
    ov = pytest.importorskip("openvino")
    graph = networks.backbone.openvino_graph()
    assert graph is not None
    compiled = compile_for_cpu(graph.build(), "f32", 1).get_compiled_model()
    assert compiled.get_property("ENABLE_CPU_PINNING") is False
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert compiled.get_property("INFERENCE_PRECISION_HINT") == ov.Type.f32
