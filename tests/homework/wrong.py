"""Plausible wrong answers, by assignment and question."""

WRONG = {
    "ps01": {
        # forgets that the sign may change: stops where x is reached in one step
        "q1": "def contraction(a, rate):\n    return 1 - rate * a\n\n\ndef largest_rate(a):\n    return 1 / a\n",
        # normalizes the layer, not the filter
        "q2": (
            "def filter_normalized(direction, weights):\n"
            "    if weights.ndim < 2:\n        return torch.zeros_like(weights)\n"
            "    return direction * weights.norm() / direction.norm()\n"
        ),
        # looks outside of the two ends
        "q3": "worst_a, share_right = 1.0, 0.95\n",
        # begins behind the first step
        "q5": '@vizkit.panel("Steps on a valley")\ndef descent_of(\n    rate: Annotated[float, Slider(0.05, 2.5, 0.05)] = 0.5,\n    steps: Annotated[int, Slider(1, 30)] = 10,\n):\n    """Forgets where it began."""\n    path = (1 - rate) ** torch.arange(1, steps + 1)\n    chart = go.Figure(go.Scatter(y=path.tolist()))\n    return path, {"path": chart, "text": "down"}\n',
        # a place where they come to rest is taken for the lowest one
        "q6": (
            'prediction, because = "all three", "They all go downhill, and it is downhill all the way."\n'
            'finding = "all three"\n'
        ),
    },
    "ps02": {
        # forgets the half under the root
        "q1": (
            "def largest_eigenvalue(a, b, c):\n    return (a + c) / 2 + ((a - c) ** 2 + b**2) ** 0.5\n\n\n"
            "def share_kept(a, b, c):\n    return largest_eigenvalue(a, b, c) / (a + c)\n"
        ),
        # 1/m, as the slide prints it the wrong way round
        "q2": (
            "def my_pca(samples, k):\n    mean = samples.mean(0)\n    centered = samples - mean\n"
            "    values, vectors = torch.linalg.eigh(centered.T @ centered / len(samples))\n"
            "    return mean, values.flip(0), centered @ vectors.flip(1)[:, :k]\n"
        ),
        # the smallest variance instead
        "q3": "best_angle, components_for_90 = 137, 21\n",
        # takes degrees for radians
        "q5": '@vizkit.panel("Variance along an axis")\ndef spread(angle: Annotated[int, Slider(0, 180)] = 0):\n    """Takes degrees for radians."""\n    turned = torch.tensor(float(angle), dtype=EXAMPLE.dtype)\n    variance = float((EXAMPLE @ torch.stack([torch.cos(turned), torch.sin(turned)])).var())\n    return variance, {"text": f"{variance:.3f}"}\n',
        # the slider was never moved
        "q6": ('prediction, because = 47, "The samples are the same, so nothing turns."\nfinding = 47.3\n'),
    },
    "ps03": {
        # the tail in the weights, not in the force
        "q1": "def pull(p, q, d, kind):\n    return 4 * (p - q) * d\n",
        # forgets the 2 of 2 sigma^2
        "q2": (
            "def neighbor_probabilities(squared_distances, sigma):\n"
            "    return torch.softmax(-squared_distances / sigma**2, 0)\n\n\n"
            "def perplexity(probabilities):\n"
            "    return float(torch.special.entr(probabilities).sum().exp())\n\n\n"
            "def find_sigma(squared_distances, wanted):\n    low, high = 1e-6, 1e6\n"
            "    for _ in range(200):\n        middle = (low * high) ** 0.5\n"
            "        if perplexity(neighbor_probabilities(squared_distances, middle)) < wanted:\n"
            "            low = middle\n        else:\n            high = middle\n"
            "    return (low * high) ** 0.5\n"
        ),
        # reads the panel before moving the slider
        "q3": "gaussian_distance, student_distance, pca_accuracy = 1.517, 3.0, 0.6\n",
        # does not look at the choice
        "q5": '@vizkit.panel("Two tails")\ndef tails(\n    distance: Annotated[float, Slider(0.0, 6.0, 0.1)] = 1.0,\n    kind: Annotated[str, OneOf(("symmetric", "tsne"))] = "tsne",\n):\n    """Does not look at the choice."""\n    close = 1 / (1 + distance**2)\n    return close, {"text": f"{close:.4f}"}\n',
        # the location of the t is read, which stands beside the mean
        "q6": ('prediction, because = 2, "One point of ten has a tenth of the say."\nfinding = 0.01\n'),
    },
    "ps04": {
        # adds the padding once
        "q1": (
            "def output_size(n, kernel, stride, padding):\n    return (n + padding - kernel) // stride + 1\n\n\n"
            "def weight_count(c_in, c_out, kernel):\n    return c_in * c_out * kernel**2\n"
        ),
        # multiplies by the stride before growing
        "q2": (
            "def receptive_field(layers):\n    size, jump, start = 1, 1, 0\n"
            "    for kernel, stride, padding in layers:\n        jump *= stride\n"
            "        size += (kernel - 1) * jump\n        start -= padding * jump\n"
            "    return size, jump, start\n"
        ),
        # of another picture
        "q3": "loudest, largest_of_38 = 0, 100.0\n",
        # the mean over all channels
        "q5": '@vizkit.panel("One channel")\ndef channel_mean(\n    picture: Picture = "chelsea",\n    model: Model = "viznet",\n    layer: Annotated[str, Layer(of="model", maps=True)] = "relu3",\n    channel: Annotated[int, Channel(of="layer")] = 0,\n):\n    """Takes the mean of all channels."""\n    maps = vizkit.activations(model, picture, layer).maps\n    return float(maps.mean()), {"map": photo(maps[0].clamp(0, 1).expand(3, -1, -1), "a map"), "text": "mean"}\n',
        # the first two and the last are read, and the others drawn between them
        "q6": (
            'prediction, because = (0.5,) * 7, "Half of all numbers are below zero before a ReLU."\n'
            "finding = (0.67, 0.61, 0.5, 0.4, 0.35, 0.3, 0.22)\n"
        ),
    },
    "ps05": {
        # deconvnet and backprop the wrong way round
        "q1": (
            "def through_relu(forward, above, rule):\n"
            "    seen, wanted = (forward > 0).to(above), (above > 0).to(above)\n"
            '    return above * {"backprop": seen, "deconvnet": seen, "guided": seen * wanted}[rule]\n'
        ),
        # stops before the border
        "q2": (
            "def occlusion(model, image, target, patch, stride):\n"
            "    height, width = image.shape[1:]\n    rows = (height - patch) // stride + 1\n"
            "    columns = (width - patch) // stride + 1\n    drops = torch.zeros(rows, columns)\n"
            "    with torch.no_grad():\n        clean = model.probabilities(image)[target]\n"
            "        for i in range(rows):\n            for j in range(columns):\n"
            "                one = image.clone()\n"
            "                one[:, i * stride : i * stride + patch, j * stride : j * stride + patch] = 0.5\n"
            "                drops[i, j] = clean - model.probabilities(one)[target]\n    return drops\n"
        ),
        # the default place of the square
        "q3": "with_gray, with_white = 0.97, 0.97\n",
        # asks for the class of the covered picture
        "q5": '@vizkit.panel("Cover it")\ndef cover(\n    picture: Picture = "coffee",\n    model: Model = "viznet",\n    at: Annotated[Place, On("seen", Point)] = (0.5, 0.5),\n):\n    """Takes the most probable class of the covered picture."""\n    image = vizkit.load_image(picture, (64, 64))\n    left, top = (min(max(round(64 * one) - 16, 0), 32) for one in at)\n    covered = vizkit.occlude(image, top, left, patch=32)\n    name, after = model.answers(covered, 1)[0]\n    return after, {"seen": photo(covered, "covered"), "text": name}\n',
        # the darkest place of the map, where the square costs least
        "q6": ('prediction, because = (0.4, 0.4), "An espresso is what is in the cup."\nfinding = (0.59, 0.69)\n'),
    },
    "ps06": {
        # climbs the sum of the activations
        "q1": ("def energy_gradients(W, x):\n    a = (W @ x).clamp(min=0)\n    return a, W.T @ (a > 0).to(a)\n"),
        # divides by the largest instead of the mean
        "q2": (
            "def dream_step(image, gradient, rate):\n"
            "    return (image + rate * gradient / gradient.abs().max()).clamp(0, 1)\n\n\n"
            "def octave_sizes(height, width, octaves, scale):\n"
            "    powers = [scale**k for k in reversed(range(octaves))]\n"
            "    return [(int(height / power + 0.5), int(width / power + 0.5)) for power in powers]\n"
        ),
        # read after the run
        "q3": "energy_relu2, energy_relu4 = 200.0, 200.0\n",
        # forgets that pixels are in [0, 1]
        "q5": '@vizkit.panel("My dream")\ndef my_dream(\n    picture: Picture = "coffee",\n    model: Model = "viznet",\n    rate: Annotated[float, Slider(0.5, 6.0, 0.5)] = 1.5,\n    *,\n    run: Run = direct,\n):\n    """Forgets that pixels are in [0, 1]."""\n    image = vizkit.load_image(picture, (96, 96))\n    for step in run(vizkit.dream_steps, model, image, "relu4", octaves=1, steps=8, jitter=0, rate=rate):\n        yield step, {"picture": photo(step.image, f"After {step.index} steps")}\n',
        # the distance, not its square
        "q6": ('prediction, because = 10, "Each pixel has to earn what it costs, and few can."\nfinding = 40.0\n'),
    },
    "ps07": {
        # forgets what the loss is divided by
        "q1": ("def content_gradient(F, P):\n    return 2 * (F - P)\n\n\ndef gram_factor(s):\n    return s**2\n"),
        # the sum over places, as on the slide
        "q2": (
            "def my_gram(maps):\n    rows = maps.flatten(1)\n    return rows @ rows.T\n\n\n"
            "def style_loss(maps, style_maps):\n    wanted = my_gram(style_maps)\n"
            "    return (my_gram(maps) - wanted).square().sum() / wanted.square().sum()\n"
        ),
        # expects the trace to change
        "q3": "trace, trace_in_another_order, strongest_channel = 119.3, 60.0, 0\n",
        # compares the maps, places and all
        "q5": '@vizkit.panel("Two styles")\ndef style_distance(\n    one: Picture = "swirls",\n    other: Picture = "waves",\n    model: Model = "viznet",\n    layer: Annotated[str, Layer(of="model", maps=True)] = "relu3",\n):\n    """Compares the maps, places and all."""\n    left, right = (vizkit.load_image(picture, (96, 96)) for picture in (one, other))\n    maps = [vizkit.activations(model, image, layer).maps for image in (left, right)]\n    distance = float((maps[0] - maps[1]).square().sum() / maps[1].square().sum())\n    return distance, {"left": photo(left, "one"), "right": photo(right, "other"), "text": f"{distance:.3f}"}\n',
        # compares the traces, which hardly change
        "q6": (
            'prediction, because = 50, "A filter for one slope is another one than its mirror image."\nfinding = 0.7\n'
        ),
    },
    "ps08": {
        # the length of the row instead of the sum of its sizes
        "q1": (
            "def worst_change(w, score, epsilon):\n"
            "    return -epsilon * torch.sign(w) * (1 if score > 0 else -1)\n\n\n"
            "def smallest_epsilon(w, x):\n    return float((w @ x).abs() / w.norm())\n"
        ),
        # climbs the target's loss as well
        "q2": (
            "def fgsm(model, image, label, epsilon, targeted=False):\n"
            "    pixels = image.clone().requires_grad_()\n"
            "    loss = torch.nn.functional.cross_entropy(\n"
            "        model.logits(pixels)[None], torch.tensor([label], device=model.device)\n    )\n"
            "    (gradient,) = torch.autograd.grad(loss, pixels)\n"
            "    return (image + epsilon * gradient.sign()).clamp(0, 1)\n"
        ),
        # the answer without an attack
        "q3": 'answer_at_3, sure_without, sure_under_noise = "jinrikisha", 0.566, 0.55\n',
        # noise instead of the worst change
        "q5": '@vizkit.panel("How much does it take?")\ndef fooled(\n    picture: Picture = "motorcycle",\n    model: Model = "viznet",\n    epsilon: Annotated[int, Slider(0, 16)] = 3,\n):\n    """Noise of that size, not the worst change."""\n    image = vizkit.load_image(picture, (64, 64))\n    found = vizkit.random_noise(model, image[None], epsilon=epsilon / 255).images[0]\n    return found, {"seen": photo(found, "noise"), "text": model.answers(found, 1)[0][0]}\n',
        # the curve of random noise
        "q6": (
            'prediction, because = (0.1, 0.2, 0.4, 0.8), "The more it may change, the more it can find."\n'
            "finding = (0.0, 0.0, 0.0, 0.03)\n"
        ),
    },
    "ps08b": {
        # takes the largest weights, however little their numbers can still move
        "q1": (
            "def lowest_score(w, x, k):\n"
            "    gains = torch.where(w > 0, w * x, -w * (1 - x))\n"
            "    return float(w @ x - gains[w.abs().argsort(descending=True)[:k]].sum())\n\n\n"
            "def fewest(w, x):\n"
            "    return next((k for k in range(1, len(w) + 1) if lowest_score(w, x, k) < 0), None)\n"
        ),
        # each newcomer runs for its most probable class only
        "q2": (
            "def keep_best(pictures, best, newcomers, shares):\n"
            "    pictures, best = pictures.clone(), best.clone()\n"
            "    for one, row in zip(newcomers, shares):\n"
            "        label = int(row.argmax())\n"
            "        if row[label] > best[label]:\n"
            "            pictures[label], best[label] = one, row[label]\n"
            "    return pictures, best\n"
        ),
        # one generation only is counted
        "q3": 'answer_before, answer_after, questions = "comic book", "rugby ball", 100\n',
        # takes the place across for the row
        "q5": '@vizkit.panel("One pixel by hand")\ndef dot(\n    picture: Picture = "astronaut",\n    model: Model = "viznet",\n    at: Annotated[Place, On("seen", Point)] = (0.5, 0.5),\n    level: Annotated[float, Slider(0.0, 1.0, 0.1)] = 1.0,\n):\n    """Takes the place across for the row."""\n    image = vizkit.load_image(picture, (64, 64))\n    row, column = (min(int(64 * one), 63) for one in at)\n    changed = image.clone()\n    changed[:, row, column] = level\n    name = model.answers(image, 1)[0][0]\n    after = dict(model.answers(changed, len(model.labels)))[name]\n    return after, {"seen": photo(changed, "with a dot"), "text": f"{name}: {after:.1%}"}\n',
        # the row and the column of the table the other way round
        "q6": (
            'prediction, because = "the tree alone", "A tree looks at few pixels, and only these change."\n'
            'finding = "all five"\n'
        ),
    },
    "ps09": {
        # the layer turned around without the inverse: right only where the rows are of length 1 and orthogonal
        "q1": (
            "def smallest_picture(W, code):\n    return W.T @ code\n\n\n"
            "def unseen(W, x):\n    return x - W.T @ (W @ x)\n"
        ),
        # mirrors directions below 0 instead of turning them by half a turn
        "q2": (
            "def code_error(code, wanted):\n    return (code - wanted).square().sum() / wanted.square().sum()\n\n\n"
            "def my_psnr(one, other):\n    return -10 * (one - other).square().mean().log10()\n\n\n"
            "def my_cell_histogram(patch, orientations):\n"
            "    down, across = torch.zeros_like(patch), torch.zeros_like(patch)\n"
            "    down[1:-1] = patch[2:] - patch[:-2]\n"
            "    across[:, 1:-1] = patch[:, 2:] - patch[:, :-2]\n"
            "    direction = torch.atan2(down, across).abs()\n"
            "    bins = (direction / math.pi * orientations).long().clamp(max=orientations - 1)\n"
            "    votes = torch.nn.functional.one_hot(bins, orientations) * torch.hypot(down, across)[..., None]\n"
            "    return votes.mean((0, 1))\n"
        ),
        # takes the same answer for the same picture
        "q3": "decibels_relu3, decibels_relu7, same_answer = 16.3, 16.3, True\n",
        # smooth between the means: then the means are others
        "q5": '@vizkit.panel("What a layer of averages sees")\ndef seen_part(picture: Picture = "coffee", halvings: Annotated[int, Slider(0, 5)] = 3):\n    """Smooth between the means."""\n    image = vizkit.load_image(picture, (64, 64))\n    code = torch.nn.functional.avg_pool2d(image, 2**halvings)\n    found = torch.nn.functional.interpolate(code[None], size=(64, 64), mode="bilinear")[0]\n    text = f"{float(vizkit.psnr(found, image)):.1f} dB"\n    return found, {"before": photo(image, "before"), "after": photo(found, "after"), "text": text}\n',
        # the cosine of the pixels
        "q6": (
            'prediction, because = 0.5, "Half of the directions are the other way round in a negative."\n'
            "finding = 0.42\n"
        ),
    },
    "ps10": {
        # a pixel's gradient with the kernel the same way round as forwards
        "q1": (
            "def dense_matrix(w, d):\n    matrix = torch.zeros(d - len(w) + 1, d)\n"
            "    for row in range(len(matrix)):\n        matrix[row, row : row + len(w)] = w\n    return matrix\n\n\n"
            "def gradients(x, w, g):\n"
            "    wide = torch.nn.functional.pad(g, [len(w) - 1] * 2)\n"
            "    return dense_matrix(g, len(x)) @ x, dense_matrix(w, len(wide)) @ wide\n"
        ),
        # puts the Gaussian's minus and its 2 right, and leaves it lopsided
        "q2": (
            "def my_convolution(x, w, stride=1, padding=0):\n"
            "    wide = torch.nn.functional.pad(x, [padding] * 4)\n"
            "    windows = wide.unfold(0, w.shape[0], stride).unfold(1, w.shape[1], stride)\n"
            "    return (windows * w).sum((-1, -2))\n\n\n"
            "def my_gaussian(k, sigma):\n"
            "    kernel = torch.exp(-((torch.arange(1, k + 1) - k / 2) ** 2) / (2 * sigma**2))\n"
            "    return kernel / kernel.sum()\n\n\n"
            "def my_scores(x, pattern):\n"
            "    windows = x.unfold(0, pattern.shape[0], 1).unfold(1, pattern.shape[1], 1)\n"
            "    windows = windows - windows.mean((-1, -2), keepdim=True)\n"
            "    wanted = pattern - pattern.mean()\n"
            "    length = (windows.norm(dim=(-1, -2)) * wanted.norm()).clamp(min=1e-6)\n"
            "    return (windows * wanted).sum((-1, -2)) / length\n"
        ),
        # takes the negative for the same picture
        "q3": (
            "kernel_of_7 = ((-2, 0, -1), (-1, 1, 0), (0, 2, 1))\n"
            "apart_if_flipped, games_unchanged = 1.84, {0, 1, 3, 4, 5, 6, 7}\n"
        ),
        # counts as if the first pass made no more numbers than the second
        "q5": '@vizkit.panel("Two short passes")\ndef two_passes(picture: Picture = "camera", sigma: Annotated[float, Slider(0.5, 5.0, 0.5)] = 2.0):\n    """Counts 2 k products for each number that comes out."""\n    image = vizkit.load_image(picture, (128, 128)).mean(0)\n    k = 2 * math.ceil(3 * sigma) + 1\n    kernel = vizkit.gaussian_kernel(k, sigma, 1)\n    found = vizkit.correlate(vizkit.correlate(image, kernel[None]), kernel[:, None])\n    text = f"{2 * k * found.numel():,} products instead of {k**2 * found.numel():,}"\n    before, after = (photo(one.expand(3, -1, -1), "gray") for one in (image, found))\n    return found, {"before": before, "after": after, "text": text}\n',
        # the slider was left at 2 px
        "q6": (
            'prediction, because = 0, "The largest of a window stays the largest in nearly all of them."\n'
            "finding = 46\n"
        ),
    },
    "ps10b": {
        # forgets the sigmoid's slope, as the slides' Claim 2 does
        "q1": (
            "def gradients(first, second, x, label):\n    hidden = torch.sigmoid(first @ x)\n"
            "    delta = torch.softmax(second @ hidden, 0)\n    delta[label] -= 1\n"
            "    return torch.outer(second.T @ delta, x), torch.outer(delta, hidden)\n"
        ),
        # keeps the biased variance
        "q2": (
            "def my_batch_norm(values, mean, variance, training):\n    used = (mean, variance)\n"
            "    if training:\n        used = (values.mean(0), values.var(0, correction=0))\n"
            "        mean, variance = (0.9 * old + 0.1 * new for old, new in zip((mean, variance), used))\n"
            "    return (values - used[0]) / (used[1] + 1e-5).sqrt(), mean, variance\n\n\n"
            "def my_momentum(weights, gradient, velocity, rate):\n    velocity = 0.9 * velocity + gradient\n"
            "    return weights - rate * velocity, velocity\n"
        ),
        # the noise was left at 0.3
        "q3": "error_with_40, times_that_with_400, best_ridge = 8.9, 74.0, 1.0\n",
        # forgets the chain: each sigmoid's own slope
        "q5": '@vizkit.panel("What is left of a derivative")\ndef fading(\n    depth: Annotated[int, Slider(1, 20)] = 10,\n    weight: Annotated[float, Slider(0.5, 8.0, 0.5)] = 1.0,\n    x: Annotated[float, Slider(-2.0, 2.0, 0.1)] = 1.0,\n):\n    """Forgets the chain."""\n    value, slopes = torch.tensor(x), []\n    for _ in range(depth):\n        value = torch.sigmoid(weight * value)\n        slopes.append(weight * value * (1 - value))\n    found = torch.stack(slopes)\n    return found, {"chart": go.Figure(go.Scatter(y=found.tolist())), "text": f"{float(found[-1]):.3g}"}\n',
        # was not surprised
        "q6": (
            'prediction, because = "larger", "A thousand coefficients wiggle between the points."\nfinding = "larger"\n'
        ),
    },
    "ps11": {
        # forgets that the union changes with the intersection
        "q1": (
            "def iou_slopes(a, b):\n"
            "    inner = torch.cat([torch.maximum(a[:2], b[:2]), torch.minimum(a[2:], b[2:])])\n"
            "    width, height = inner[2:] - inner[:2]\n    sides = a[2:] - a[:2]\n"
            "    union = sides.prod() + (b[2:] - b[:2]).prod() - width * height\n"
            "    own = torch.cat([(a[:2] > b[:2]), (a[2:] < b[2:])]).to(a)\n"
            "    return torch.stack([-height, -width, height, width]) * own / union\n"
        ),
        # takes the precision as it is, not the best from there on
        "q2": (
            "def my_nms(boxes, scores, threshold):\n    return vizkit.nms(boxes, scores, threshold)\n\n\n"
            "def my_average_precision(scores, right, truths):\n"
            "    right = right[scores.argsort(descending=True, stable=True)].double()\n"
            "    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)\n"
            "    return float((precision * right).sum() / truths)\n"
        ),
        # the scale was left at 1
        "q3": "windows_at_half, times_fewer_at_two, found_by_fifty = 225, 11.5, 0.77\n",
        # divides by both areas, the common part counted twice
        "q5": '@vizkit.panel("How far may it move?")\ndef moved_box(\n    width: Annotated[int, Slider(4, 100)] = 40,\n    height: Annotated[int, Slider(4, 100)] = 20,\n    shift: Annotated[int, Slider(1, 100)] = 40,\n):\n    """Counts the common part twice."""\n    moves = torch.arange(shift + 1.0)\n    common = (width - moves).clamp(min=0) * height\n    found = common / (2 * width * height)\n    return found, {"chart": go.Figure(go.Scatter(y=found.tolist())), "text": f"{float(found[-1]):.3f}"}\n',
        # was not surprised
        "q6": (
            'prediction, because = "it falls", "Precision falls with each wrong box, so the mean should."\n'
            'finding = "it falls"\n'
        ),
    },
}
