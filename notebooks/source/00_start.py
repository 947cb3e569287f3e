# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,slideshow,nbgrader,-all
#     notebook_metadata_filter: kernelspec,jupytext,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 Start here
#
# **See, by hand, what a neural network has learned.** This is a course in notebooks: each one is a lecture topic, short prose, real
# formulas and code, and panels to play with. Nothing you do here can break anything: every panel has *Reset*.
#
# **How to use a notebook.** Click into the first cell and press *Shift + Enter*, cell by cell; or *Run, Run All Cells*. Then move
# the sliders. *Show code* under a panel prints the Python that makes what you see; *Save picture* keeps it beside the notebook.

# %%
import vizkit
from vizkit import panels, questions

# %% [markdown]
# ## 1 Two minutes, every lecture
#
# Move *stop* from one lecture to the next. Then choose another picture, or upload your own, and go back.

# %%
tour_view = panels.tour.show()
tour_view

# %% [markdown]
# ## 2 The lectures

# %%
from IPython.display import HTML

from vizkit.core.course import lectures
from vizkit.figures.course import lecture_table, preset_table

HTML(lecture_table(lectures()))

# %% [markdown]
# Each ends with *Try this* (three experiments, and what to look for), *What this does not show* (how the picture can mislead), and
# *Checks* (cells that assert what the text claims).
#
# ## 3 Prepared for class
#
# Each panel has a list of *presets*. These come with the kit; *Save preset* keeps one of your own beside the notebook. For the
# projector, `vizkit present 04` in a terminal shows a notebook without its code, in large type.

# %%
from vizkit.widgets.presets import prepared

presets = prepared()
HTML(
    preset_table(
        {name: [(one.panel, one.name, one.say) for one in found] for name, found in presets.items()}
    )
)

# %% [markdown]
# **Plans.** Ninety minutes with each notebook, the path of 45 marked: what to show, what to ask before it, and what each wrong answer
# betrays.

# %%
from vizkit.lesson import folded_plans

HTML(folded_plans())

# %% [markdown]
# ## 4 Where each slide lives
#
# Five decks of slides stand behind this course. Type a word of a slide, or its page, to find the place where its picture is drawn or
# its number is computed. Where a deck prints no page numbers its slides are counted; ten pages have no words (003, p. 37; 004,
# pp. 26, 66-68, 71, 72, 102, 133 and 161).
#
# Some pages are of their time and have no panel. Those on frameworks (003, pp. 51-53) count what was mentioned and written in 2017
# and 2018, and time a ResNet-50 on cards of then; where p. 52 calls Lua the core language of PyTorch, that was its ancestor Torch:
# PyTorch's core is C++ under Python. The scores of captions (003, p. 59) compare words of a sentence with words of references.

# %%
slide_view = panels.slide_search.show()
slide_view

# %% [markdown]
# ## 5 Your own pictures and networks
#
# * **A picture**: *Upload a picture* in any panel, or by name, `vizkit.load_image("holiday.jpg")`.
# * **A folder, or a torchvision dataset**: in any panel that takes a picture, *More pictures* takes `my/pictures`, or
#   `CIFAR10` if it has been downloaded.
# * **A network**: any `torch.nn.Module` that maps pictures to logits. Say how its pixels are scaled and what its classes are called;
#   every panel and every method takes it then.

# %%
import torch
from torch import nn

net = nn.Sequential(
    nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
)
mine = vizkit.ImageModel(net, labels=["mine", "yours", "nobody's"], input_size=64, name="my net")
print(mine)
for name, layer in mine.layers.items():
    print(f"{name:3} {layer.kind:18} {layer.shape}")

# %% [markdown]
# `panels.filter_view.show(model=mine)` in lecture 04, `panels.attributions.show(model=mine)` in 05, and so on. README shows it with a fine-tuned
# ResNet.
#
# **Only the answers.** OpenVINO (000, p. 97) compiles a net for the CPU: the same numbers up to rounding, but no gradient, so it can
# answer and not be asked why. How much sooner it answers, if at all, depends on the processor. The slides (003, p. 53) count the time
# for 1,000 pictures; so does this cell, on your machine, from 256 of them, one after the other.

# %%
from time import perf_counter

from vizkit.core.compiled import openvino_logits
from vizkit.core.data import cut_patches

viznet = vizkit.load_model(device="cpu")
ways = {"torch": torch.no_grad()(viznet.logits)}
try:
    ways["OpenVINO"] = openvino_logits(viznet)
except RuntimeError as missing:
    print(missing)

taken, found = dict.fromkeys(ways, 0.0), {name: [] for name in ways}
for pictures in cut_patches(count=256, size=64).pixels(slice(None)).split(32):
    for name, ask in ways.items():  # in turns: a busy moment of the machine is shared
        start = perf_counter()
        found[name] += [ask(picture) for picture in pictures]
        taken[name] += perf_counter() - start
for name, seconds in taken.items():
    print(f"{name}: {1000 / 256 * seconds:.1f} s for 1,000 pictures")

# %% [markdown]
# ## 6 Homework, projects, panels of your own
#
# [make_your_own.ipynb](make_your_own.ipynb) shows how a function of yours becomes a panel.
#
# For each lecture there is an assignment in `homework/source`, graded by nbgrader: `vizkit homework --help`. For the final project, by
# teams of three or four, [project/proposal.ipynb](project/proposal.ipynb) asks for one to three pages and a talk,
# [project/template.ipynb](project/template.ipynb) for the work itself; [project/example.ipynb](project/example.ipynb) is a finished
# one.
#
# ## 7 What you expected, what it was
#
# Each lecture asks before it shows. What you answer, open and save is kept in `vizkit-trail.json` beside the notebooks, and goes nowhere else.
# *Write a page to hand in* makes one HTML file of it; an instructor counts a class's trails with `vizkit tally FOLDER`.

# %%
questions.summary()

# %% [markdown]
# ## 8 If something is wrong
#
# * `vizkit doctor` in a terminal checks this machine and says what to do.
# * A panel that cannot do what you ask says why in one red sentence, and goes on. *Reset* brings it back.
# * A cell that stays busy: *Kernel, Interrupt Kernel*; a run in a panel: *Stop*.
# * A network "to download" needs the internet once; `vizkit.load_model("resnet18")` says which file to put where instead.
# * `help(vizkit)` and `help(panels)` print what there is. Anything else: ask in the course's forum, or write an issue where you got
#   this kit, with what `vizkit doctor` prints.

# %% [markdown]
# ## Checks

# %%
from vizkit.core.course import slides

for stop in range(1, len(lectures()) + 1):
    tour_view.controls["stop"].value = stop
    assert tour_view.error is None, tour_view.error
tour_view.reset()

# %%
from vizkit.panels.start import STOPS

assert [one.notebook for one in STOPS] == [one.name for one in lectures()]
assert {slide.notebook for slide in slides()} - {""} == {"00_start"} | {
    one.name for one in lectures()
}
assert set(presets) == {one.name for one in lectures()}
slide_view.controls["find"].value = "gram style"
assert {slide.notebook for slide in slide_view.result} == {"07_style"}
slide_view.reset()
assert mine.logits(torch.zeros(2, 3, 64, 64)).shape == (2, 3)
apart = [(torch.stack(found[name]) - torch.stack(found["torch"])).abs().max() for name in ways]
assert max(apart) < 1e-3
