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
# # Final project: *your title*
#
# *Names. Date. One sentence that says what you found.*
#
# Copy this notebook, answer what stands in italics, and delete the questions. It must run from top to bottom on the bundled
# networks and pictures, or say which files it needs and where they come from. [example.ipynb](example.ipynb) is a finished one.
#
# | part | points | full points for |
# |---|---|---|
# | 1 Problem and background | 20 | a question that can be answered yes or no by a measurement; why it matters; what is known, with at least three papers |
# | 2 Data source | 15 | what, how many, from where, under which license; what was left out and why; another person could get the same |
# | 3 Tools | 10 | what is used as it is, what you changed, and what you wrote; versions |
# | 4 Method | 20 | the method as a formula and as code that follows it; every choice has a reason |
# | 5 Evaluation | 25 | a number with its uncertainty, a baseline, a control in which the effect must vanish; figures with units |
# | 6 What this does not show | 10 | at least two ways in which the conclusion could be wrong |
# | **together** | **100** | |
#
# The work of a team of three or four, whose [proposal](proposal.ipynb) and talk came first; each of those is worth 25 points more.
# Different groups may work on one topic, with different approaches. Reproducing a paper whose code is public asks for an idea of your
# own on top of it.

# %% [markdown]
# ## 1 Problem statement and background
#
# *What do you want to find out? Be specific: what goes in, what comes out, and which answer would surprise you? Why is it important?
# What is the state of the art? Which papers describe the method that you use, or build on?*

# %% [markdown]
# ## 2 Data source
#
# *Which data, how many, what do they look like? How did you get them, and may you use them? What did you clean, and what did you leave
# out? Show some.*

# %%
import vizkit
from vizkit.core.data import cut_patches

pictures = cut_patches(count=100, size=64).pixels(
    slice(None)
)  # or cut_patches("my/folder"), "CIFAR10"
pictures.shape

# %% [markdown]
# ## 3 Tools
#
# *Which networks and libraries? What is ready-made, what did you change, what did you write yourselves? How long does it take, and on
# which machine?*

# %%
import torch
import torchvision

model = vizkit.load_model("viznet")  # or vizkit.ImageModel(your_net, mean=..., std=..., labels=...)
print(model, "torch", torch.__version__, "torchvision", torchvision.__version__)

# %% [markdown]
# ## 4 Method
#
# *The formula; then the code that follows it; then one result with its shapes.*

# %% [markdown]
# ## 5 Evaluation
#
# *How will you know? Which number, against which baseline, how sure is it? Which control must show nothing? It is best to measure what
# the papers measure, in the same way.*

# %% [markdown]
# ## 6 What this does not show
#
# *How could the conclusion be wrong although every number is right?*

# %% [markdown]
# ## References
