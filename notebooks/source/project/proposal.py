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
# # Project proposal: *your title*
#
# *Names of the team, three or four. Date. The question in one sentence.*
#
# Copy this notebook, answer what stands in italics, and delete the questions and the rubric. One to three pages when printed. A
# topic goes to the team that asks for it first; another team may have it too, with another approach. A paper may be reproduced if
# its code is not public; if it is, bring an idea of your own.
#
# | part | points | full points for |
# |---|---|---|
# | 1 Problem statement and background | 7 | input and output named; why it matters; the state of the art; three papers, one of which describes the method |
# | 2 Data source | 5 | the data are on your disk already, and some are shown; license and cleaning said |
# | 3 Tools | 3 | what is ready-made and what you will write; it runs on the machine that you have |
# | 4 Evaluation | 7 | experiments with a measure, a baseline and a control; the measures of the papers where there are any |
# | 5 Who does what, and by when | 3 | a plan by weeks, and what to leave out if time runs short |
# | **together** | **25** | |

# %% [markdown]
# ## 1 Problem statement and background
#
# *What goes in, and what comes out? Be specific: "recognition" may mean a label, or a label and the box around the thing. Why is it
# important? How well do the best methods do today? Which papers describe the method that you will use or build on?*

# %% [markdown]
# ## 2 Data source
#
# *Which data, how many, from where? Have you got them? How will you get those that you have not? What must be cleaned? Do that first.*

# %% [markdown]
# ## 3 Tools
#
# *Which networks and libraries, on which machine, and how long does one run take there? On a CPU a net answers faster through
# OpenVINO: `vizkit.core.compiled.openvino_logits(model)`.*

# %% [markdown]
# ## 4 Evaluation
#
# *Which experiments, and which number tells how they went? Against which baseline? In which control must the effect vanish? It is best
# to measure what the papers measure, in the same way.*

# %% [markdown]
# ## 5 Who does what, and by when
#
# *A line for each week and each of you. What will you leave out if time runs short?*

# %% [markdown]
# ## References

# %% [markdown]
# ## The talk
#
# Eight minutes and four for questions; every one of the team speaks. Six slides are enough:
#
# 1. the question, and an example of what goes in and what comes out;
# 2. why it matters, and what is known;
# 3. the data, with some of them shown;
# 4. the method, as one formula or one drawing;
# 5. the experiments: measure, baseline, control;
# 6. who does what, and what may go wrong.
#
# | part | points | full points for |
# |---|---|---|
# | The question | 6 | a listener can repeat it afterwards |
# | Slides | 6 | one thought each, figures with labels and units that the back row can read |
# | Reasons | 6 | why this method, this baseline, this control |
# | Answers | 4 | to the point, and "we do not know" where that is so |
# | Time | 3 | eight minutes; each of you has spoken |
# | **together** | **25** | |
