"""StyleGAN2's arithmetic in plain NumPy and SciPy, written from the paper's equations, in double precision."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Array = NDArray[np.float64]
TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64.0


def upfirdn(x: Array, kernel: Array, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Array:
    """Zeros between the pixels, zeros around, a true convolution, every down-th pixel; (H, W)."""
    large = np.zeros((x.shape[0] * up, x.shape[1] * up))
    large[::up, ::up] = x
    return signal.convolve2d(np.pad(large, pad), kernel, mode="valid")[::down, ::down]


def activate(x: Array) -> Array:
    return np.sqrt(2) * np.where(x < 0, 0.2 * x, x)


def modulated_conv(x: Array, weight: Array, style: Array, *, up: bool = False, demodulate: bool = True) -> Array:
    """Equations 1 and 3: weights times the style, brought to unit norm, then used; x (I, H, W), weight (O, I, k, k)."""
    _, inputs, size, _ = weight.shape
    scaled = weight / np.sqrt(inputs * size * size) * style[None, :, None, None]
    if demodulate:
        scaled /= np.sqrt((scaled**2).sum((1, 2, 3), keepdims=True) + 1e-8)
    result = []
    for each in scaled:
        if not up:
            maps = [signal.correlate2d(x[i], each[i], mode="same") for i in range(inputs)]
            result.append(sum(maps))
            continue
        total = 0.0
        for i in range(inputs):  # a transposed convolution: every pixel puts down the kernel, two pixels further on
            large = np.zeros((2 * x.shape[1] - 1, 2 * x.shape[2] - 1))
            large[::2, ::2] = x[i]
            total = total + signal.convolve2d(large, each[i], mode="full")
        result.append(upfirdn(total, 4 * TAPS, pad=(1, 1)))
    return np.stack(result)


def linear(x: Array, state: Mapping[str, Array], name: str, rate: float = 1.0) -> Array:
    weight = state[f"{name}.weight"]
    return weight @ x * rate / np.sqrt(weight.shape[1]) + rate * state[f"{name}.bias"]


def mapping(z: Array, state: Mapping[str, Array]) -> Array:
    x = z / np.sqrt((z**2).mean() + 1e-8)
    for layer in range(1, 9):
        x = activate(linear(x, state, f"style.{layer}", 0.01))
    return x


def synthesis(w_plus: Array, state: Mapping[str, Array], blocks: int) -> Array:
    """A whole picture, (3, side, side)."""

    def conv(x: Array, name: str, style: int, noise: int, up: bool = False) -> Array:
        factors = linear(w_plus[style], state, f"{name}.conv.modulation")
        x = modulated_conv(x, state[f"{name}.conv.weight"][0], factors, up=up)
        x = x + state[f"{name}.noise.weight"] * state[f"noises.noise_{noise}"][0]
        return activate(x + state[f"{name}.activate.bias"][:, None, None])

    def colours(x: Array, name: str, style: int) -> Array:
        factors = linear(w_plus[style], state, f"{name}.conv.modulation")
        x = modulated_conv(x, state[f"{name}.conv.weight"][0], factors, demodulate=False)
        return x + state[f"{name}.bias"][0]

    x = conv(state["input.input"][0], "conv1", 0, 0)
    picture = colours(x, "to_rgb1", 1)
    for block in range(1, blocks):
        first, style = 2 * block - 2, 2 * block - 1
        x = conv(x, f"convs.{first}", style, first + 1, up=True)
        x = conv(x, f"convs.{first + 1}", style + 1, first + 2)
        enlarged = np.stack([upfirdn(channel, 4 * TAPS, up=2, pad=(2, 1)) for channel in picture])
        picture = enlarged + colours(x, f"to_rgbs.{block - 1}", style + 2)
    return picture


def discriminator(pictures: Array, state: Mapping[str, Array], blocks: int) -> Array:
    """(N, 3, side, side), N at most 4, to (N,)."""

    def conv(x: Array, name: str, down: bool = False) -> Array:
        weight = state[f"{name}.weight"]
        weight = weight / np.sqrt(np.prod(weight.shape[1:]))
        pad = (weight.shape[2] + 1) // 2
        if down:
            x = np.stack([upfirdn(channel, TAPS, pad=(pad, pad)) for channel in x])
        mode = "valid" if down else "same"
        maps = [sum(signal.correlate2d(x[i], each[i], mode=mode) for i in range(len(x))) for each in weight]
        return np.stack(maps)[:, :: 2 if down else 1, :: 2 if down else 1]

    def active(x: Array, name: str) -> Array:
        return activate(x + state[f"{name}.bias"][:, None, None])

    seen = []
    for picture in pictures:
        x = active(conv(picture, "convs.0.0"), "convs.0.1")
        for block in range(1, blocks):
            name = f"convs.{block}"
            y = active(conv(x, f"{name}.conv1.0"), f"{name}.conv1.1")
            y = active(conv(y, f"{name}.conv2.1", down=True), f"{name}.conv2.2")
            x = (y + conv(x, f"{name}.skip.1", down=True)) / np.sqrt(2)
        seen.append(x)
    spread = np.sqrt(np.stack(seen).var(0) + 1e-8).mean()
    answers = []
    for each in seen:
        joined = np.concatenate([each, np.full((1, *each.shape[1:]), spread)])
        flat = active(conv(joined, "final_conv.0"), "final_conv.1").ravel()
        answers.append(linear(activate(linear(flat, state, "final_linear.0")), state, "final_linear.1")[0])
    return np.array(answers)
