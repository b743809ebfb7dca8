"""Who is who: a face that comes back, or is there again after a cut, gets the number that the person had before."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from stylizer.backbones.base import device_of
from stylizer.faces.align import cut
from stylizer.faces.chip import chip_to_crop, cut_chip
from stylizer.faces.smoothing import Vector
from stylizer.imaging.tensors import to_tensor
from stylizer.video.timeline import crop_at, landmarks_at
from stylizer.weights.load import Networks

Describe = Callable[[Image.Image, Vector], NDArray[np.float64]]
"""A frame and a face's place in it to a descriptor; two of one person are near each other."""

_SIDE = 256  # pixels of the crop in which a person is looked at
_SAME = 0.5  # dlib's distance; other people are farther apart, but for a few of them


def describing(networks: Networks) -> Describe:
    """By dlib's descriptor."""

    @torch.no_grad()
    def describe(picture: Image.Image, place: Vector) -> NDArray[np.float64]:
        crop = to_tensor(cut(picture, crop_at(place, _SIDE), _SIDE)).to(device_of(networks.backbone))
        chip = cut_chip(crop, chip_to_crop(landmarks_at(place, _SIDE)), _SIDE)
        return np.asarray(networks.identity(chip)[0].double().cpu().numpy())

    return describe


class PersonNumbers:
    """Numbers of people for the numbers of a tracker, which calls every face that it finds anew by a new one.

    Args:
        describe: looked at once for each face that the tracker finds.
    """

    def __init__(self, describe: Describe) -> None:
        self._describe = describe
        self._person_of: dict[int, int] = {}
        self._known: list[NDArray[np.float64]] = []

    def __call__(self, picture: Image.Image, places: Mapping[int, Vector]) -> dict[int, Vector]:
        """The places of a frame's faces by the numbers of the people, from 0 on in the order in which they appear.

        Args:
            places: by the tracker's numbers.
        """
        present = {self._person_of[number] for number in places if number in self._person_of}
        for number in sorted(places):
            if number not in self._person_of:
                person = self._person(self._describe(picture, places[number]), present)
                self._person_of[number] = person
                present.add(person)
        return {self._person_of[number]: place for number, place in places.items()}

    def _person(self, seen: NDArray[np.float64], present: set[int]) -> int:
        """The nearest known one who is not in the frame already, else a new one."""
        distances = {
            person: float(np.linalg.norm(seen - known))
            for person, known in enumerate(self._known)
            if person not in present
        }
        nearest = min(distances, key=lambda person: distances[person], default=None)
        if nearest is not None and distances[nearest] < _SAME:
            return nearest
        self._known.append(seen)
        return len(self._known) - 1
