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
# # 10b Training
#
# **A derivative for each weight, a small step, again. What is it that makes this work, and what happens when there are far more weights than pictures?**
#
# * Rumelhart, Hinton & Williams, *Learning representations by back-propagating errors*, 1986
# * Ioffe & Szegedy, *Batch normalization*, 2015
# * Srivastava et al., *Dropout*, 2014
# * He et al., *Deep residual learning for image recognition*, 2016
# * Belkin et al., *Reconciling modern machine-learning practice and the classical bias-variance trade-off*, 2019
#
# Slides: 001, pp. 2-18, 49, 50, 64-68, 73, 74 (70-72 are in [01](01_loss_landscape.ipynb)).

# %%
import vizkit
from vizkit import panels, questions

digits = vizkit.split_digits(1000)

# %% [markdown]
# ## 1 Every derivative, by matrices
#
# A layer holds values $v_i$. The next one has $\bar v_{i+1} = W_i v_i$ in front of its sigmoid $s$, and $v_{i+1} = s(\bar v_{i+1})$ behind it. With $\delta_i$ for the derivative of the loss (or of $z$, as on the slides) by $v_i$, and $\bar\delta_i$ for that by $\bar v_i$,
#
# $$\bar\delta_i = s'(\bar v_i) \times \delta_i, \qquad \delta_i = W_i^T\, \bar\delta_{i+1}, \qquad \Delta_i = \bar\delta_{i+1}\, v_i^T .$$
#
# The first is entry by entry, the second is Claim 1 of the slides (001, p. 7), the third a matrix of the shape of $W_i$: a derivative for each weight. The last layer has no sigmoid: there the bar changes nothing, $\bar\delta_3 = \delta_3$.

# %%
questions.equal_weights

# %%
hand_view = panels.by_hand.show()
hand_view

# %% [markdown]
# **The slides' Claim 2** (p. 9) reads $\Delta_i = v_i\,\delta_{i+1}^T$. For a $W_i$ that multiplies columns, as it does on the pages before, that has the shape of its
# transpose, and the sigmoid's derivative, the bar, is missing. By hand, by PyTorch, and by moving each weight a little:

# %%
import torch

from vizkit.methods.backprop import backprop, finite_differences, random_net

weights = random_net((2, 3, 3, 1))
x, target = torch.tensor([1.0, -1.0]).double(), torch.tensor([1.0]).double()
found = backprop(weights, x, target)
learned = [one.clone().requires_grad_() for one in weights]
with torch.enable_grad():
    z = learned[2] @ torch.sigmoid(learned[1] @ torch.sigmoid(learned[0] @ x))
    by_autograd = torch.autograd.grad((z - target).square().sum() / 2, learned)
by_moving = finite_differences(weights, x, target)
for layer in range(3):
    gap = (found.gradient[layer] - by_autograd[layer]).abs().max()
    moved = (found.gradient[layer] - by_moving[layer]).abs().max()
    print(
        f"W{layer} {tuple(weights[layer].shape)}: autograd differs by {gap:.0e}, differences by {moved:.0e}"
    )

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: which column of $\Delta_0$ becomes 0 if the second input is 0? *Run*: type it.
#    <details><summary>What you should see</summary>The second. A weight behind a silent input gets no derivative: it learns nothing from this sample.</details>
# 2. *Read*: `backprop??` in a new cell shows the loop over the layers. Why does it go from the last to the first, and not the other way?
# 3. *Change*: ReLU instead of the sigmoid. Which units have $\delta$, but give nothing back?
#    <details><summary>What you should see</summary>*g*: its value is 0, so its slope is, and the row of $\Delta_1$ that leads to it is 0. (*d* and *e* are silent, too; their $\delta$ is 0 itself.)</details>
# 4. *Make*: a start from which a single step of rate 0.5 makes the loss larger.
#    <details><summary>What you should see</summary>Large weights at the end will do, such as 8, -8, 4 in $W_2$: a derivative is a promise for small steps.</details>
#
# ## 2 What it costs
#
# Forward and back, each weight is used in a few multiplications per sample: $O(d)$ for $d$ parameters (p. 2).

# %%
questions.backward_work

# %%
pass_view = panels.passes.show()
pass_view

# %% [markdown]
# Left, where nets are small, time goes into calls and not into arithmetic: the line is flatter. Nobody would compute derivatives by moving each weight: for a net of a million
# weights that is a million forward passes.
#
# ## 3 How it is written
#
# Libraries need the forward pass alone (p. 11). The net of section 1 as modules, and its derivatives:

# %%
from torch import nn

net = nn.Sequential(
    nn.Linear(2, 3, bias=False),
    nn.Sigmoid(),
    nn.Linear(3, 3, bias=False),
    nn.Sigmoid(),
    nn.Linear(3, 1, bias=False),
).double()
with torch.no_grad():
    for module, matrix in zip(net[::2], weights, strict=True):
        module.weight.copy_(matrix)
((net(x) - target).square().sum() / 2).backward()
by_modules = [module.weight.grad for module in net[::2]]
print(
    "the same derivatives:",
    all(torch.allclose(a, b) for a, b in zip(by_modules, found.gradient, strict=True)),
)

# %% [markdown]
# The listing of the slides (p. 12) in PyTorch; the softmax is in the loss:

# %%
classifier = nn.Sequential(nn.Linear(64, 100), nn.Sigmoid(), nn.Linear(100, 10))
optimizer = torch.optim.Adam(classifier.parameters(), lr=0.01)
for epoch in range(30):
    order = torch.randperm(1000, generator=torch.Generator().manual_seed(epoch))
    for batch in order.split(100):
        loss = nn.functional.cross_entropy(
            classifier(digits.train[batch]), digits.train_labels[batch]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
accuracy = (classifier(digits.test).argmax(1) == digits.test_labels).float().mean()
print(f"validation: {float(accuracy):.1%}")

# %% [markdown]
# And live, with the history of both sets (press *Play*):

# %%
questions.others_right

# %%
listing_view = panels.listing.show()
listing_view

# %%
listing_view.play()
listed = listing_view.wait(60)

# %% [markdown]
# ## 4 What more units do
#
# One sigmoid is a soft step along a line. Mixtures of them have bends (pp. 14-17): the more units, the more bends. Is that always better?

# %%
questions.more_units

# %%
plane_view = panels.boundaries.show()
plane_view

# %%
plane_view.play()
planes = plane_view.wait(120)

# %% [markdown]
# One or two units cannot close a ring. A few can. With many the line goes around single points that are on the wrong side by chance: **overfitting**, all the training
# points right, fewer of the others. Choose *64* units, or more points: with three hundred, the same nets have less to invent.
#
# ## 5 Why convolution
#
# What a net of dense layers learns about one place it does not know of another. A convolution takes much of it along, since its weights are the same everywhere. A dense and a
# convolutional net, nearly equally large, on digits of 8 px on a canvas of 12 px:

# %%
questions.shuffled_pixels

# %%
kinds_view = panels.dense_or_convolutional.show()
kinds_view

# %%
kinds_view.play()
kinds = kinds_view.wait(120)

# %% [markdown]
# On digits in the middle the dense net is *better*: it may use that each pixel has its meaning there. Moved digits, if it has never seen any, it hardly reads: one in five, by chance it
# would be one in ten. The convolutional net loses a third itself; trained on moved digits it gets that back, and the dense net falls far behind. To the dense net an order of pixels means nothing: shuffled, it learns as well as before. The slides' question (p. 18, elephants) is about such
# pictures: things are anywhere in a photo.
#
# **Learned or set by hand?** (p. 49) Before networks, features such as histograms of gradients were set by hand, and a linear classifier learned on top.

# %%
few_view = panels.few_pictures.show()
few_view

# %%
few_view.play()
few = few_view.wait(180)

# %% [markdown]
# With twenty pictures the linear classifier on plain pixels wins: there is little to learn features from. From some hundred pictures on the network is ahead.
# (HOG was made for photos; of 8 px not much is left in its cells.)
#
# **From noise to edges** (p. 50). The first layer while it is learned, Sobel's filters beside. The task: which of the bundled photos is this gray patch of?

# %%
film_view = panels.film.show()
film_view

# %%
film_view.play()
filmed = film_view.wait(120)

# %% [markdown]
# Nobody asked for edges. Without weight decay much of the noise of the start stays in the filters: nothing takes away what does not matter. It has its price: the stronger the
# decay, the fewer patches are named.
#
# ## 6 Depth
#
# *Depth more important than width* (p. 64). With equally many weights, in few wide layers or in many narrow ones:

# %%
questions.depth_alone

# %%
depth_view = panels.depth_or_width.show()
depth_view

# %%
depth_view.play()
depth = depth_view.wait(300)

# %% [markdown]
# **Not here.** For 300 digits depth alone does not help, and plain nets get hard to train as they grow deeper; skip connections repair much of it: a block has to learn a
# *change* of its input only, and derivatives pass by it. What the slides mean holds for large convolutional networks on photos: *After AlexNet* in
# [10](10_convolution.ipynb). 98 layers of 16 units, plain, learn at none of three rates; with skips, at 0.003, nearly all training digits: that is measured in this kit's tests.
#
# ## 7 Batch normalization
#
# Of each channel's numbers $\bar u$ in a batch the mean is taken off, and they are divided by their standard deviation; then the net may choose another scale and shift (pp. 65-67):
#
# $$u = s\Big(\gamma\, \frac{\bar u - \mu}{\sqrt{\sigma^2 + \epsilon}} + c\Big)$$
#
# The slides take $\mu$ and $\sigma$ over the whole data set. In training they are those of the batch; for later, running means are kept. So a net has two modes.

# %%
questions.changing_company

# %%
company_view = panels.company.show()
company_view

# %% [markdown]
# In *training* mode a picture's answer depends on who stands beside it. In *evaluation* mode it does not. To forget `model.eval()` is one of the most frequent mistakes.
#
# ## 8 One net, every switch
#
# Batch normalization, residual connections, dropout, augmentation (p. 64), optimizer and schedule: one small convolutional net, live. Change rate, dropout or augmentation
# under way.

# %%
questions.running_behind

# %%
learn_view = panels.learning.show(normalized=True)
learn_view

# %%
learn_view.play()
normalized = learn_view.wait(180)

# %% [markdown]
# Try the presets: twelve blocks without anything, then with residual connections, then with batch normalization. **New pictures from old ones** (p. 68):

# %%
augment_view = panels.augmented.show()
augment_view

# %% [markdown]
# What is changed must not change the answer: a mirrored cat is a cat, a mirrored 2 is none.
#
# ## 9 More coefficients than points
#
# A thousand coefficients, fifteen points: does it have to go wrong (p. 73)?

# %%
questions.degree_of_a_thousand

# %%
polynomial_view = panels.polynomial.show()
polynomial_view

# %% [markdown]
# *The choice of training algo seems important*, say the slides. It is. Of all polynomials through the points, descent ends at the one nearest to where it began: from 0, at
# the one with the smallest coefficients. Each power of x is divided by its degree + 1, so a high one needs a large coefficient, and the smallest
# make a smooth curve. Choose degree *1000*, then raise *start's size*, the size of the coefficients that descent begins with: at 3 it still fits every point and is worth nothing between them.
#
# ## 10 Double descent
#
# The error on new samples is worst where there are just as many weights as samples, and gets better again behind it (p. 74):

# %%
questions.worst_features

# %%
double_view = panels.double_descent.show()
double_view

# %% [markdown]
# With forty features there is exactly one way through forty samples, noise included, and its weights are enormous. With more there are many ways, and the shortest is taken.
# With a little *ridge*, a price on the length of the weights, 0.01, a tenth of it is left; with 0.1 the peak is gone.
#
# *We don't usually see this same curve for neural networks*, says the slide. Do we, if we train long enough, on labels with mistakes in them?

# %%
net_view = panels.net_descent.show()
net_view

# %%
net_view.play()
nets = net_view.wait(180)

# %% [markdown]
# The **loss** on other pictures rises to a peak, where the net is just large enough to learn all wrong labels by heart, and falls behind it. In the share of right answers hardly
# a dip is left. So it is there, for networks too (Nakkiran et al. 2020 found it in large ones); with right labels and early stopping one does not meet it.

# %% [markdown]
# ## Try this
#
# 1. **Last weights 0.** In *Backpropagation as matrices* type 0 for every weight of $W_2$. Which of the three matrices get a gradient?
#    <details><summary>What you should see</summary>Only the last. The others are behind a product with 0; after one step they get one.</details>
# 2. **Fewer points.** In *Decision boundaries* take *four corners* and 20 points. How many units are needed for all of them?
#    <details><summary>What you should see</summary>Two mostly lose a corner. Three or four can have all, and do not always find it: at seed 0 three get stuck and four have all, at seed 2 it is the other way round.</details>
# 3. **Ridge for the peak.** Which ridge in *Double descent* is best with 40 features, and which with 400?
#    <details><summary>What you should see</summary>The largest, 1, for both; with 40 features it takes away all but a sixtieth of the error, with 400 hardly a fifth.</details>
# 4. **A batch of one other.** In *One picture, in changing company* compare 1 other with 31.
#    <details><summary>What you should see</summary>With one other the 9 is never taken for a 9 with more than half the chance; with 31 nearly always: the mean of 32 pictures is nearly that of all.</details>

# %% [markdown]
# ## What this does not show
#
# **Large networks.** Everything here learns in seconds, on small gray pictures. What holds for digits need not hold for photos: dense nets win on centered digits, depth does not
# help. And a curve of one seed is an anecdote: move *seed* before you believe it.

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("training")

# %% [markdown]
# ## Checks

# %%
for layer in range(3):
    assert torch.allclose(found.gradient[layer], by_autograd[layer], atol=1e-12)
    assert torch.allclose(found.gradient[layer], by_moving[layer], atol=1e-8)
    assert found.gradient[layer].shape == weights[layer].shape
    assert torch.allclose(by_modules[layer], found.gradient[layer])
silent = panels.by_hand(x=(1.0, 0.0))[0]
assert (silent.gradient[0][:, 1] == 0).all()
assert (silent.gradient[0][:, 0] != 0).all()
with_large = hand_view.values | {"third": ((8.0, -8.0, 4.0),), "rate": 0.5}
assert panels.by_hand(**with_large | {"step": 1})[0].loss > panels.by_hand(**with_large)[0].loss
assert hand_view.error is None
assert pass_view.error is None
assert 0.95 < accuracy < 0.995
assert listed.accuracies[-1, 0, 0] == 1
assert 0.95 < listed.accuracies[-1, 0, 1] < 0.995

# %%
widths = planes.accuracies[-1]  # of 1, 2, 3, 4, 8 and 64 units
assert widths[:2].max() < 0.85
assert widths[3].min() > 0.8
assert widths[5, 0] > widths[3, 0]
assert widths[5, 1] < widths[3, 1]

dense, convolutional = kinds.accuracies[-1][:3], kinds.accuracies[-1][3:]
assert dense[0, 1] > convolutional[0, 1]
assert convolutional[0, 2] > 2 * dense[0, 2]
assert convolutional[1, 2] > dense[1, 2] + 0.1
assert abs(float(dense[2, 1] - dense[0, 1])) < 0.03

# %%
from vizkit.panels.capacity import linear_scores
from vizkit.panels.training import film_of, roughness

scores = linear_scores()
assert scores["pixels, linear"][0] > few.accuracies[-1, 0, 1]
assert few.accuracies[-1, -1, 1] > max(scores["pixels, linear"][-1], scores["HOG, linear"][-1])
before = roughness(film_of(16, 0)[0].net.state_dict()["0.weight"][:, 0]).median()
after = roughness(filmed.states[0]["0.weight"][:, 0]).median()
assert after < 0.6 * before
assert filmed.accuracies[-1, 0, 1] > 0.4

# %%
by_net = depth.accuracies[-1].view(4, 2, 3, 2).mean(2)
assert by_net[0, 0, 1] > by_net[3, 0, 1] + 0.1
assert by_net[3, 1, 1] > by_net[3, 0, 1] + 0.1
assert company_view.result[:, 9].max() - company_view.result[:, 9].min() > 0.3
steady = panels.company(mode="evaluation")[0][:, 9]
assert steady.max() - steady.min() < 1e-5
assert normalized.accuracies[-1, 0] > 0.95
assert normalized.running.shape[1] == 16

# %%
from vizkit.methods.double_descent import feature_errors
from vizkit.methods.polynomials import fit_polynomial, noisy_curve, wave

points, heights = noisy_curve()
axis = torch.linspace(float(points.min()), float(points.max()), 401, dtype=torch.float64)
between = {
    (degree, start): float(
        (fit_polynomial(points, heights, degree, start=start).at(axis) - wave(axis)).square().mean()
    )
    for degree, start in ((14, 0.0), (1000, 0.0), (1000, 3.0))
}
assert between[1000, 0.0] < 0.1 < between[1000, 3.0] < between[14, 0.0]
medians = {
    ridge: feature_errors((20, 40, 400), ridge=ridge).test.quantile(0.5, 0)
    for ridge in (0.0, 0.01, 0.1, 1.0)
}
assert medians[0.0][1] > 5 * medians[0.0][[0, 2]].max()
test_losses = nets.losses[-1, :, 1]
peak = int(test_losses.argmax())
assert 2 <= peak <= 7
assert test_losses[peak] > 1.3 * test_losses[-1]
assert test_losses[peak] > 1.1 * test_losses[:2].min()
assert nets.accuracies[-1, -1, 1] > nets.accuracies[-1, peak, 1]

# %%
# Try 1
none = panels.by_hand(third=((0.0, 0.0, 0.0),))[0]
assert not none.gradient[0].any()
assert not none.gradient[1].any()
assert none.gradient[2].all()

# Try 2
from vizkit.core.steps import last
from vizkit.methods.experiments import plane_learners
from vizkit.methods.side_by_side import learner_steps

corners = [
    last(
        learner_steps(
            plane_learners("four corners", (2, 3, 4), count=20, seed=seed),
            steps=1000,
            rate=0.03,
            batch_size=20,
            every=1000,
            seed=seed,
        )
    ).accuracies[-1, :, 0]
    for seed in range(3)
]
assert max(float(one[0]) for one in corners) < 1
assert max(float(one[1]) for one in corners) == 1

# Try 3
assert min(medians, key=lambda ridge: medians[ridge][1]) == 1.0
assert min(medians, key=lambda ridge: medians[ridge][2]) == 1.0
assert medians[1.0][1] < 0.03 * medians[0.0][1]
assert medians[1.0][2] > 0.7 * medians[0.0][2]

# Try 4
alone, many = (panels.company(others=others)[0][:, 9] for others in (1, 31))
assert alone.max() < 0.5 < many.median()
assert (many > 0.5).float().mean() > 0.8
