"""The figure: drawn without touching the user's Matplotlib, in colours that everybody tells
apart."""

from __future__ import annotations

import itertools
import math
import struct
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from collapse_magic.render.figure import COLOURS, GREY, class_style, draw, styles
from collapse_magic.report import Trace

from .reports import TRACE
from .test_html import contrast

DARK = "#111111"


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_two_panels_one_panel_or_nothing() -> None:
    both = draw(TRACE)
    shares = draw(replace(TRACE, layers=(), layer_steps=(), gradient_norms=()))
    flow = draw(replace(TRACE, classes=(), share_steps=(), shares=()))
    assert both is not None and shares is not None and flow is not None
    assert size(both)[0] > 1.9 * size(shares)[0] > 0 and size(shares) == size(flow)
    assert draw(Trace()) is None
    assert draw(replace(TRACE, share_steps=(1,), layer_steps=(1,))) is None


def test_many_classes_and_layers_and_values_that_are_not_finite() -> None:
    classes = tuple(f"class {n}" for n in range(40))
    layers = tuple(f"block.{n}.weight" for n in range(100))
    nan = float("nan")
    trace = replace(
        TRACE,
        classes=classes,
        shares=((1 / 40,) * 40,) * 3,
        label_share=(1 / 40,) * 40,
        layers=layers,
        gradient_norms=((nan,) * 100, (0.0,) * 100, (math.inf,) * 100, (nan,) * 100),
    )
    assert draw(trace) is not None


def test_no_two_classes_of_a_figure_look_alike_and_the_first_keeps_its_own() -> None:
    given = styles((13, 3, 0, 23, 1))
    assert given[0] == class_style(13) and given[2] == class_style(0)
    assert len({str(style) for style in given}) == 5
    assert len({str(style) for style in styles(range(10, 20))}) == 10


def test_the_users_matplotlib_is_as_it_was() -> None:
    program = """
import sys
import matplotlib as mpl
mpl.use("svg")
mpl.rcParams["font.size"] = 31
mpl.rcParams["axes.facecolor"] = "red"
before = dict(mpl.rcParams)
from collapse_magic.render.figure import draw
from tests.render.reports import TRACE
assert draw(TRACE)
assert dict(mpl.rcParams) == before and mpl.get_backend().lower() == "svg"
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("colour", [*COLOURS, GREY])
def test_colours_hold_three_to_one_on_white_and_on_dark(colour: str) -> None:
    assert contrast(colour, "#ffffff") >= 3 and contrast(colour, DARK) >= 3


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: str, vision: str) -> np.ndarray:
    rgb = np.array([int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    x, y, z = (np.array(to_xyz) @ seen) / np.array([0.9505, 1.0, 1.089])
    f = [v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_differ_for_every_kind_of_colour_vision(vision: str) -> None:
    """A distance of 20 in CIELAB is told apart at a glance."""
    for one, other in itertools.combinations(COLOURS, 2):
        assert np.linalg.norm(lab(one, vision) - lab(other, vision)) >= 20, (one, other)


def test_ten_classes_have_ten_styles() -> None:
    assert len({str(class_style(k)) for k in range(10)}) == 10
    assert class_style(3) == class_style(13)
