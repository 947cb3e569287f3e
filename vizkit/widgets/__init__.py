"""Controls, hands and items: the words in which a function becomes a panel."""

from vizkit.widgets.annotations import (
    Button,
    Channel,
    Class,
    Form,
    Image,
    Layer,
    Model,
    Numbers,
    OneOf,
    Picture,
    Pictures,
    Slider,
    Table,
    Text,
    Toggle,
    Weights,
    When,
)
from vizkit.widgets.chart import ChartView
from vizkit.widgets.function import FUNCTIONS, panel
from vizkit.widgets.hands import Box, Curve, On, Place, Point, Points, Tile
from vizkit.widgets.items import Measured
from vizkit.widgets.picture import PictureView
from vizkit.widgets.running import Run, direct, live

__all__ = [
    "FUNCTIONS",
    "Box",
    "Button",
    "Channel",
    "ChartView",
    "Class",
    "Curve",
    "Form",
    "Image",
    "Layer",
    "Measured",
    "Model",
    "Numbers",
    "On",
    "OneOf",
    "Picture",
    "PictureView",
    "Pictures",
    "Place",
    "Point",
    "Points",
    "Run",
    "Slider",
    "Table",
    "Text",
    "Tile",
    "Toggle",
    "Weights",
    "When",
    "direct",
    "live",
    "panel",
]
