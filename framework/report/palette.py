"""Colours of the seven emotions.

Found by a search that maximised the smallest perceptual distance between any two of them (Oklab,
Ottosson 2020) over normal vision and simulated protanopia, deuteranopia and tritanopia (Machado et
al. 2009), with enough contrast to both page colours. The test suite repeats the measurement. Colour
is never the only sign: lanes also differ by place, and tables by word.
"""

from __future__ import annotations

COLOURS: dict[str, str] = {
    "anger": "#BD3A0C",
    "disgust": "#057A69",
    "fear": "#C282AF",
    "happiness": "#FFB825",
    "neutral": "#B8C4C0",
    "sadness": "#3C487E",
    "surprise": "#4DAAFF",
}
PAGE_LIGHT = "#FFFFFF"
PAGE_DARK = "#15191E"


def style_rules() -> str:
    """CSS classes of each emotion, for shapes (``e-anger``) and key squares (``k-anger``)."""
    rules = [
        f".e-{name}{{fill:{colour}}}.k-{name}{{background:{colour}}}"
        for name, colour in COLOURS.items()
    ]
    return "\n".join(rules)
