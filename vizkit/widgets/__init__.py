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
from vizkit.widgets.answers import Choice, Number, Sketch, Spot
from vizkit.widgets.chart import ChartView
from vizkit.widgets.function import FUNCTIONS, panel
from vizkit.widgets.hands import Box, Cells, Curve, On, Place, Point, Points, Tile
from vizkit.widgets.items import Measured
from vizkit.widgets.picture import PictureView
from vizkit.widgets.predict import Predict, Summary
from vizkit.widgets.running import Run, direct, live

__all__ = [
    "FUNCTIONS",
    "Box",
    "Button",
    "Cells",
    "Channel",
    "ChartView",
    "Choice",
    "Class",
    "Curve",
    "Form",
    "Image",
    "Layer",
    "Measured",
    "Model",
    "Number",
    "Numbers",
    "On",
    "OneOf",
    "Picture",
    "PictureView",
    "Pictures",
    "Place",
    "Point",
    "Points",
    "Predict",
    "Run",
    "Sketch",
    "Slider",
    "Spot",
    "Summary",
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
