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
# # 08 Fooling networks
#
# **How little must change before the answer does? And what is a network sure of that is nothing at all?**
#
# * Szegedy et al., *Intriguing properties of neural networks*, 2014
# * Goodfellow, Shlens & Szegedy, *Explaining and harnessing adversarial examples*, 2015 (FGSM)
# * Nguyen, Yosinski & Clune, *Deep neural networks are easily fooled*, 2015
# * Moosavi-Dezfooli et al., *DeepFool*, 2016; Madry et al., 2018 (PGD, adversarial training)
# * Brown et al., *Adversarial patch*, 2017; Su, Vargas & Sakurai, *One pixel attack*, 2018
#
# Slides: 000, pp. 71-77; 001; 002; 003; 004.

# %%
import torch

import vizkit
from vizkit import panels

model, image = vizkit.load_model(), vizkit.load_image("coffee", size=64)[:, :, 16:80]

# %% [markdown]
# ## 1 A little in every direction
#
# A linear classifier, $P = \sigma(w \cdot x)$, in ten dimensions. On the slides $w \cdot x = -3$, so $P = 0.0474$. Now add half of
# $\text{sign}(w)$ to $x$: no number changes by more than 0.5, and yet
#
# $$w \cdot (x + \epsilon \, \text{sign}(w)) = w \cdot x + \epsilon \lVert w \rVert_1$$
#
# (The table on slide 003 adds the half to the *products*; what is added to $x$ is $0.5 \, \text{sign}(w)$, as in 004. The sum is
# the same, because every weight is 1 or -1.)

# %%
from vizkit.methods.linear_example import SLIDE_W, SLIDE_X, linear_example

example = linear_example(torch.tensor(SLIDE_X), torch.tensor(SLIDE_W))
print("before", example.score, round(example.probability, 4))
print("after ", example.moved_score, round(example.moved_probability, 4))

# %% [markdown]
# A picture has thousands of dimensions. The same small step in each of them adds up to anything.

# %%
linear_view = panels.linear.show()
linear_view

# %% [markdown]
# **A linear classifier of pictures** (Karpathy's *breaking linear classifiers*): logistic regression on handwritten digits, one
# weight for each pixel. One step of a tenth of the range, the way the weights point.

# %%
from vizkit.figures.fooling import attack_sheet
from vizkit.methods.adversarial import fgsm
from vizkit.methods.adversarial_training import held_out_digits, linear_digit_model

linear = linear_digit_model()
digits, labels = held_out_digits()
broken = fgsm(linear, digits, labels, epsilon=0.1)
print(f"one step fools it on {broken.success.float().mean():.0%} of {len(digits)} digits")
first = int(broken.success.nonzero()[0])
print("was", linear.answers(digits[first], 1), " is", linear.answers(broken.images[first], 1))
attack_sheet(digits[first], broken.images[first], side=160)

# %% [markdown]
# **And of photos** (004, pp. 160-162). The same with 200 classes and 3 x 32 x 32 numbers: `linear` is right about 8 pictures of
# 100, and its weights can be *looked at*: each class is one template, and its score the dot product with it.

# %%
from vizkit.figures.pictures import sheet
from vizkit.methods.linear_photos import class_templates, linear_photo_model

photos = linear_photo_model()
shown = ["goldfish", "school bus", "lemon", "espresso", "monarch", "ladybug"]
templates = class_templates(photos)[[photos.label_index(name) for name in shown]]
sheet(templates, "Templates of six classes", side=110, columns=6, captions=shown)

# %% [markdown]
# Anything becomes a goldfish when a little of the goldfish's template is added (and of the others' taken away): one step along
# the gradient. How sure of it the classifier is grows with the step; the slide's "100% goldfish" takes about 48 gray levels here.

# %%
names = ["chelsea", "coffee", "rocket", "astronaut", "china"]
before = torch.stack([vizkit.load_image(name, (32, 32)) for name in names])
goldfish = fgsm(photos, before, epsilon=16 / 255, target="goldfish")
said = [photos.answers(one, 1)[0][0] for one in (*before, *goldfish.images)]
sheet(
    torch.cat([before, goldfish.images]), "Photos, and goldfish", side=130, columns=5, captions=said
)

# %%
fish = photos.label_index("goldfish")
for level in (0, 16, 32, 48):
    moved = fgsm(photos, before, epsilon=level / 255, target="goldfish").images
    shares = photos.probabilities(moved)[:, fish].tolist()
    print(f"{level:2} / 255, goldfish:", *(f"{share:6.1%}" for share in shares))

# %% [markdown]
# ## 2 One step, many steps
#
# FGSM takes that one step for a network, as if it were linear: $x + \epsilon \, \text{sign}(\nabla_x L)$. PGD takes ten small ones and
# comes back to the cube $\lVert x' - x \rVert_\infty \le \epsilon$ after each, which is to cut every number of $x'$ off at
# $x \pm \epsilon$, and at 0 and 1:
#
# $$x_{t+1} = \Pi_{\lVert x' - x \rVert_\infty \le \epsilon,\; 0 \le x' \le 1}\big(x_t + \alpha \, \text{sign}(\nabla_x L(x_t, y))\big).$$
#
# Epsilon is in gray levels of 255.

# %%
from vizkit.methods.adversarial import pgd

for name, attack in (("FGSM", fgsm), ("PGD", pgd)):
    found = attack(model, image[None], epsilon=8 / 255)
    print(name, "now", model.answers(found.images[0], 1), "success", bool(found.success))

# %%
attack_view = panels.attack.show()
attack_view

# %% [markdown]
# **The nearest boundary.** DeepFool walks to it: were the network linear, the boundary to class $k$ would lie
#
# $$r_k = \frac{|z_k - z_y|}{\lVert \nabla z_k - \nabla z_y \rVert^2} \, (\nabla z_k - \nabla z_y)$$
#
# away; it takes the shortest $r_k$, and looks again. Szegedy's box-constrained L-BFGS looks for the shortest change that gives a
# *wanted* label $t$, with the largest $c$ that still succeeds:
#
# $$\min_r \; c \, \lVert r \rVert^2 + L(x + r, t), \qquad 0 \le x + r \le 1.$$
#
# The panel shows what is found when length is dear ($c$ large) and when it is cheap: longer changes, and a surer network.

# %%
from vizkit.methods.adversarial import deepfool, lbfgs

near = deepfool(model, image[None])
wanted = lbfgs(model, image, "goldfish", steps=30)
for name, found in (("DeepFool", near), ("L-BFGS to goldfish", wanted)):
    print(
        name,
        f"length {float((found.images[0] - image).norm()):.2f}",
        model.answers(found.images[0], 1),
    )

# %%
shortest_view = panels.shortest.show()
shortest_view

# %% [markdown]
# **Two hundred pictures**: of 600 crops of the bundled photos, which overlap, those of which the network is surest; its own
# answer is taken for true. Random noise of the same size, plus or minus epsilon in every number, changes few answers where the
# attacks change most: "random perturbations do not work", as a number.

# %%
from vizkit.core.data import cut_patches
from vizkit.figures.fooling import epsilon_chart
from vizkit.methods.adversarial import success_rates

patches = cut_patches(count=600, size=64).patches.float() / 255
with torch.no_grad():
    sure = torch.cat([model.probabilities(part).amax(1) for part in patches.split(100)])
pictures = patches[sure.argsort(descending=True)[:200]]
epsilons = [level / 255 for level in (1, 2, 4, 8)]
rates = {
    attack: success_rates(model, pictures, epsilons, attack)
    for attack in ("PGD", "FGSM", "random noise")
}
epsilon_chart(epsilons, rates, "200 pictures under attack", "answers changed")

# %% [markdown]
# **From one network to another.** What fools the one fools the other in some cases, which has never been asked. These two are
# close kin: `viznet-robust` is `viznet`, trained on against attacks, so take the table for an upper bound of what strangers share.

# %%
from IPython.display import HTML

from vizkit.figures.fooling import share_table
from vizkit.methods.adversarial import transfer_table

nets = [model, vizkit.load_model("viznet-robust")]
transfer = transfer_table(nets, pictures, 8 / 255)
HTML(share_table([net.name for net in nets], transfer, "made on, tried on"))

# %% [markdown]
# ## 3 One pixel
#
# No gradient at all: differential evolution, a population of 400 pixels (place and color), a child from three parents,
# $a + 0.5\,(b - c)$, up to 75 generations. Of the astronaut the network is only 15 % sure, so that one pixel is found at once; a
# picture of which it is sure hardly ever yields. (The slide quotes 68 % of the small pictures of CIFAR-10, and 41 % of ImageNet's.)

# %%
pixel_view = panels.one_pixel.show(picture="astronaut")
pixel_view

# %%
pixel_view.play()
pixel = pixel_view.wait(300)

# %%
from vizkit.core.steps import last
from vizkit.methods.one_pixel import one_pixel_steps

unsure = patches[sure.argsort()[:25]]
fooled = [
    [last(one_pixel_steps(model, one, population=60, generations=5)).success for one in some]
    for some in (unsure, pictures[:25])
]
print(
    "one pixel, 360 questions: of the 25 pictures of which it is least sure, ",
    sum(fooled[0]),
    end="",
)
print(" are fooled, of the 25 of which it is surest,", sum(fooled[1]))

# %% [markdown]
# ## 4 A sticker
#
# One round patch, trained over pictures $x$, places $l$ and transformations $t$ (scales and turns) for what it does on average,
#
# $$\max_p \; \mathbb E_{x, t, l}\big[\log P(\text{target} \mid A(p, x, l, t))\big],$$
#
# where $A$ puts it onto the picture. Drag it over the photo.

# %%
patch_view = panels.sticker.show()
patch_view

# %%
patch_view.play()
patch = patch_view.wait(300)

# %%
from vizkit.methods.patch import patch_success, random_placements

placements = random_placements(200, scale=(0.3, 0.6), seed=7)
won = patch_success(model, pictures, patch.patch, "goldfish", placements)
print(f"200 placements, 30 to 60 % of the picture's side: {won.float().mean():.0%} are a goldfish")

# %% [markdown]
# ## 5 Pictures of nothing
#
# The other way round: pictures that no one would call anything, and the network is sure. Evolution keeps the best picture of
# every class (MAP-Elites); *CPPN* paints from the coordinates, *direct* changes pixels, *gradient* climbs from noise.
#
# Evolution takes its time. Nguyen et al. bred CPPNs for 5,000 generations: the median class of ImageNet was then 88 % sure, of
# pixels changed directly 22 %. Here are the first 160 generations of CPPNs on 200 classes; ten minutes of Play, to step 1,500,
# bring the median to 80 % and every seventh class above 99 %. *Direct* stays near 1 %.

# %%
fooling_view = panels.nothing.show()
fooling_view

# %%
fooling_view.controls["steps"].value = 160
fooling_view.play()
nothing = fooling_view.wait(400)
print(
    f"median {nothing.confidence.median():.0%}, above 99 %: {(nothing.confidence > 0.99).float().mean():.1%}"
)

# %%
from vizkit.methods.fooling import fooling_steps

climbed = last(fooling_steps(model, "gradient", steps=30))
share = float((climbed.confidence > 0.996).float().mean())
print(f"from noise up the gradient: more than 99.6 % sure of {share:.0%} of the classes")

# %% [markdown]
# ## 6 Training against it
#
# Attack every training batch, and learn from that. Two small nets on handwritten digits, the same digits in the same order.

# %%
from vizkit.methods.adversarial_training import (
    accuracy_under_attack,
    adversarial_training_steps,
)

trained = last(adversarial_training_steps())
levels = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
curves = {
    net.name: accuracy_under_attack(net, digits, labels, levels)
    for net in (trained.plain, trained.robust)
}
epsilon_chart(levels, curves, "Digits under PGD", "accuracy")

# %% [markdown]
# ## Try this
#
# 1. **How little?** In *Attack* find the smallest epsilon at which `china` flips by FGSM, by PGD, and towards `goldfish`.
# 2. **The robust one.** Find it for `rocket`, then choose `viznet-robust`. How much larger must epsilon be? What does *what is
#    added* look like now? Is it so on every picture (try `china`)?
# 3. **More pixels.** In *One pixel* give `coffee`, of which the network is 97 % sure, 1, 5, then 20 pixels. How far does its
#    share fall? Which of the bundled pictures flip, and how sure was the network of those?

# %% [markdown]
# ## What this does not show
#
# **Surviving an attack is not being robust.** The curve under FGSM alone can look fine where PGD, with more steps, finds a way:
# a defense is only as good as the strongest attack that was tried on it. Below, one step against twenty on the robust network.

# %%
robust = nets[1]
weak = success_rates(robust, pictures[:40], epsilons, "FGSM")
strong = [
    float(pgd(robust, pictures[:40], epsilon=epsilon, steps=20).success.float().mean())
    for epsilon in epsilons
]
epsilon_chart(
    epsilons, {"FGSM": weak, "PGD, 20 steps": strong}, "The robust network", "answers changed"
)

# %% [markdown]
# ## Checks

# %%
assert (example.score, example.moved_score) == (-3, 2)
assert round(example.probability, 4) == 0.0474
assert round(example.moved_probability, 4) == 0.8808
linear_view.controls["power"].value = 3.0
assert abs(linear_view.result.moved_score - 497) < 1e-6
linear_view.reset()

# %%
assert goldfish.success.all()
assert fish not in photos.probabilities(before).argmax(1)
assert min(shares) > 0.99

# %%
assert rates["random noise"][1] < 0.1 < 0.5 < rates["PGD"][1]
assert all(more >= less - 0.03 for more, less in zip(rates["PGD"], rates["FGSM"], strict=True))
moved = pgd(model, pictures, epsilon=4 / 255).images
assert ((moved.double() - pictures.double()).abs() <= 4 / 255).all()

# %%
attack_view.controls["epsilon"].value = 16.0
attack_view.controls["target"].value = "goldfish"
assert "goldfish" in attack_view.shown["after"].value
attack_view.reset()
shortest_view.play()
found = shortest_view.wait(120)
assert (found.length.diff() > 0).all()
assert (found.probability.diff() > 0).all()
assert bool(found.success[-1])
assert bool(wanted.success)
assert bool(near.success)

# %%
assert sum(fooled[0]) > 10 > sum(fooled[1])
assert won.float().mean() > 0.3
assert (transfer.diagonal() == 1).all()
assert transfer[0, 1] < 1

# %%
assert broken.success.float().mean() > 0.5
assert share > 0.7
assert nothing.confidence.max() > 0.9
assert curves["robust"][2] > curves["plain"][2] + 0.3
assert all(s >= w - 0.03 for s, w in zip(strong, weak, strict=True))
