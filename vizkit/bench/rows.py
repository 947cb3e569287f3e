"""What is measured, in the order in which it is printed."""

import copy
import itertools
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import nbformat
import torch
import torch.nn.functional as F
import torchvision
from nbclient import NotebookClient

from vizkit.core import checks
from vizkit.core.assets import NOTEBOOKS
from vizkit.core.compiled import openvino_logits
from vizkit.core.data import cut_patches
from vizkit.core.detectors import SIZE, CropNet, GridNet, RegionNet, load_detector
from vizkit.core.hooks import forward_to
from vizkit.core.images import load_image
from vizkit.core.inverters import PLACES, load_inverter
from vizkit.core.models import ImageModel, load_model
from vizkit.core.scenes import make_crowds, make_scenes
from vizkit.core.steps import Step, last
from vizkit.core.stylenet import load_style, styles, stylize
from vizkit.methods.adversarial import pgd
from vizkit.methods.attribution import QUICK
from vizkit.methods.convolution import correlate
from vizkit.methods.detection import faster_rcnn, yolo
from vizkit.methods.dream import dream_steps
from vizkit.methods.feature_vis import RECIPES, maximize_steps
from vizkit.methods.gradients import pixel_gradient
from vizkit.methods.inversion import layer_code
from vizkit.methods.localization import score_steps
from vizkit.methods.loss_landscape import default_axis, random_directions, surface_steps
from vizkit.methods.occlusion import occlusion_steps
from vizkit.methods.one_pixel import one_pixel_steps
from vizkit.methods.sliding import ask_all_at_once, ask_each_window
from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits
from vizkit.methods.style import style_layers, style_steps
from vizkit.methods.units import scan_steps, top_patches


@dataclass(frozen=True)
class Row:
    """One measurement.

    Parameters
    ----------
    row : str
    value : float
    unit : str
    peer : str
        What the value is compared with; empty where the goal is absolute.
    ratio : float or None
        Value over the peer's, measured in the same process.
    goal : float
        The most that the ratio, or the value where there is no peer, may be; NaN where nothing is
        asked for.
    """

    row: str
    value: float
    unit: str
    peer: str
    ratio: float | None
    goal: float

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return (self.value if self.ratio is None else self.ratio) <= self.goal

    def as_dict(self) -> dict[str, Any]:
        """Return the row for machines."""
        return asdict(self) | {"met": self.met}

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"{self.row}: not measured ({self.unit})"
        against = f", {self.ratio:.2f} x {self.peer}" if self.ratio is not None else ""
        if math.isnan(self.goal):
            return f"{self.row}: {self.value:.3g} {self.unit}{against}"
        mark = "met" if self.met else "MISSED"
        goal = f"{self.goal:g}" + ("" if self.ratio is not None else f" {self.unit}")
        return f"{self.row}: {self.value:.3g} {self.unit}{against} (goal {goal}: {mark})"


def measure(names: Sequence[str] | None = None) -> Iterator[Row]:
    """Measure the named rows, or all of them.

    A row that cannot be measured here has the value NaN and says why in place of its unit.

    Raises
    ------
    ValueError
        If a name is no row.
    """
    for name in names or ROWS:
        row = ROWS[checks.choice(name, ROWS, "bench row")]
        try:
            found = row()
            yield from [found] if isinstance(found, Row) else found
        except RuntimeError as error:  # no browser, say: the other rows can still be measured
            yield Row(name, math.nan, checks.first_line(error), "", None, math.nan)


def seconds(*calls: Callable[[], object]) -> float:
    """Return how long it takes to make some calls, one after the other."""
    start = time.perf_counter()
    for call in calls:
        call()
    return time.perf_counter() - start


def interleaved(*runs: Callable[[], object], rounds: int = 5) -> list[float]:
    """Return the median seconds of each of several runs, taken in turns.

    Taking turns spreads a busy moment of the machine over all of them.
    """
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, taken in zip(runs, times, strict=True):
            taken.append(seconds(run))
    return [statistics.median(taken) for taken in times]


def import_time() -> Row:
    """Time what ``import vizkit`` adds to ``import torch, torchvision``, in fresh interpreters."""
    code = (
        "import time, torch, torchvision; start = time.perf_counter(); import vizkit; "
        "print(time.perf_counter() - start)"
    )
    taken = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    return Row("import", statistics.median(taken), "s", "", None, 0.1)


def patch_scan() -> Row:
    """Top nine of every channel of the last ReLU over 5,000 patches, against bare forwards."""
    model = load_model()
    pool = cut_patches(count=5000, size=64)
    channels = range(model.layer("relu7").shape[0])

    def scan() -> None:
        step = last(scan_steps(model, pool, "relu7"))
        for channel in channels:
            top_patches(step, pool, channel)

    @torch.no_grad()
    def bare() -> None:
        for patches in pool.patches.split(64):
            model.net(model.normalize(patches.float() / 255))

    ours, peer = interleaved(scan, bare, rounds=3)
    return Row("patch scan", ours, "s", "bare batched forward", ours / peer, 1.3)


def loss_surface() -> Row:
    """Time a 51 x 51 surface of the landscape panel's net, against one forward pass at a time."""
    data = split_digits(200)
    loss = NetLoss(DeepNet(16, 10, skip=True), data.train, data.train_labels, label_smoothing=0.1)
    point = loss.random_points(1)[0]
    directions = random_directions(loss, point)
    net = copy.deepcopy(loss.net)
    parts = [list(loss.named(row).values()) for row in (point, *directions)]

    @torch.no_grad()
    def one_at_a_time() -> None:
        axis = default_axis().tolist()
        for x, y in itertools.product(axis, axis):
            for parameter, *(start, first, second) in zip(net.parameters(), *parts, strict=True):
                parameter.data = start + x * first + y * second
            F.cross_entropy(net(loss.inputs), loss.labels, label_smoothing=0.1)

    ours, peer = interleaved(lambda: last(surface_steps(loss, point, directions)), one_at_a_time)
    return Row("loss surface", ours, "s", "one forward at a time", ours / peer, 0.1)


def guided_gradient() -> Row:
    """Time guided backprop to the pixels against the bare forward and backward pass."""
    model = load_model()
    image = load_image("chelsea", 224)[:, :224, :224]

    def bare() -> None:
        pixels = model.normalize(image[None]).requires_grad_()
        torch.autograd.grad(model.net(pixels)[0, 0], pixels)

    ours, peer = interleaved(lambda: pixel_gradient(model, image, 0, rule="guided"), bare, rounds=25)
    return Row("guided backprop", ours, "s", "bare forward and backward", ours / peer, 1.15)


def occlusion_map() -> Row:
    """Time an exact occlusion map of SqueezeNet, 224 px, against captum's at its best."""
    try:
        from captum.attr import Occlusion
    except ModuleNotFoundError as error:
        raise RuntimeError("captum is missing: pip install captum") from error
    net = torchvision.models.squeezenet1_1().eval().requires_grad_(False)
    model = ImageModel(copy.deepcopy(net).to(memory_format=torch.channels_last))
    image = load_image("chelsea", 224)[:, :224, :224]
    peer = Occlusion(lambda pixels: net(pixels).softmax(1))
    settings = {"sliding_window_shapes": (3, 32, 32), "strides": (3, 8, 8), "target": 3}

    def captum(batch: int) -> None:
        with torch.no_grad():
            peer.attribute(image[None], baselines=0.5, perturbations_per_eval=batch, **settings)

    runs = [partial(captum, batch) for batch in (2, 4, 8)]
    ours, *theirs = interleaved(lambda: last(occlusion_steps(model, image, 3)), *runs, rounds=3)
    return Row("occlusion", ours, "s", "captum at its best", ours / min(theirs), 0.25)


def seen_by(model: ImageModel, run: Callable[[], object]) -> list[torch.Size]:
    """Return the shapes of all batches that a net sees during a run."""
    shapes: list[torch.Size] = []
    handle = model.net.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape))
    try:
        run()
    finally:
        handle.remove()
    return shapes


def bare_passes(model: ImageModel, shapes: Sequence[torch.Size], layer: str = "") -> None:
    """Run forward to a layer, or to the end, and backward to the pixels, once for each shape."""
    for shape in shapes:
        pixels = torch.rand(shape, device=model.device).requires_grad_()
        inputs = model.normalize(pixels)
        output = forward_to(model.net, inputs, layer) if layer else model.net(inputs)
        torch.autograd.grad(output.sum(), pixels)


def against_bare(name: str, model: ImageModel, run: Callable[[], Iterator[Step]], count: int, layer: str = "") -> Row:
    """Time the first steps of a run against the bare passes over the same tensors."""

    def steps() -> None:
        for _ in itertools.islice(run(), count):
            pass

    shapes = seen_by(model, steps)
    ours, peer = interleaved(steps, lambda: bare_passes(model, shapes, layer))
    return Row(name, ours / count, "s a step", "bare forward and backward", ours / peer, 1.15)


def feature_step() -> list[Row]:
    """Time a step of ten class pictures in one batch, and one of one picture against Horama's."""
    model = load_model()
    rows = [against_bare("feature step, ten pictures", model, lambda: maximize_steps(model, list(range(10))), 20)]
    try:
        import horama
        import horama.fourier_fv
    except ModuleNotFoundError as error:
        return [*rows, _missing("feature step against Horama", error)]
    horama.fourier_fv.tqdm = lambda steps: steps  # a progress bar is not what is measured
    views = RECIPES["Fourier"].views

    def theirs() -> None:
        horama.fourier(
            lambda crops: model.net(model.normalize(crops))[:, 3].mean(),
            total_steps=40,
            image_size=96,
            model_input_size=model.input_size,
            crops_per_iteration=views,
            box_size=(0.6, 0.8),
            values_range=(0.0, 1.0),
            device=str(model.device),
        )

    ours, peer = interleaved(lambda: last(itertools.islice(maximize_steps(model, 3), 40)), theirs)
    crops = 40 * views
    return [*rows, Row("feature step", ours / crops, "s a crop", "Horama's", ours / peer, 1.0)]


def _missing(name: str, error: ModuleNotFoundError) -> Row:
    return Row(name, math.nan, f"{error.name} is missing: see tests/peers.txt", "", None, math.nan)


def dream_step() -> Row:
    """Time a step of the default dream at its full size."""
    model, image = load_model("viznet-robust"), load_image("china", 320)
    return against_bare(
        "dream step", model, lambda: dream_steps(model, image, "relu7", octaves=1, tile=1024), 10, "relu7"
    )


def style_step() -> Row:
    """Time a step of neural style, 256 px."""
    model, count = load_model(), 12
    content, style = (load_image(name, 256) for name in ("china", "swirls"))
    layers = style_layers(model)

    def steps() -> None:
        for _ in itertools.islice(style_steps(model, content, style), count):
            pass

    def bare() -> None:
        """Pass forward to the layers, make their Gram matrices, and pass back, in plain torch."""
        for _ in range(count):
            pixels = content[None].clone().requires_grad_()
            maps, total = model.normalize(pixels), pixels.new_zeros(())
            for name, module in model.net.named_children():
                maps = module(maps)
                if name in layers.style:
                    values = maps.permute(0, 2, 3, 1).flatten(1, 2)
                    total = total + (values.transpose(1, 2) @ values).sum()
                if name == layers.style[-1]:
                    break
            torch.autograd.grad(total, pixels)

    ours, peer = interleaved(steps, bare)
    return Row(
        "style step", ours / count, "s a step", "bare forward and backward with its Gram matrices", ours / peer, 1.15
    )


def attack_steps() -> Row:
    """Time PGD of ten steps on 32 pictures against ten bare forward and backward passes."""
    model = load_model()
    images = cut_patches(count=32, size=64).patches.float() / 255
    labels = torch.arange(32)
    shapes = [images.shape] * 10
    ours, peer = interleaved(
        lambda: pgd(model, images, labels, epsilon=8 / 255, steps=10), lambda: bare_passes(model, shapes), rounds=9
    )
    return Row("PGD, ten steps", ours, "s", "ten bare forwards and backwards", ours / peer, 1.1)


def one_pixel_queries() -> list[Row]:
    """Time a question of the one-pixel search against a bare forward, and against torchattacks."""
    model, image = load_model(), load_image("coffee", (64, 64))
    shapes: list[torch.Size] = []

    def search() -> None:
        last(one_pixel_steps(model, image, generations=3))

    shapes = seen_by(model, search)
    asked = sum(shape[0] for shape in shapes)

    @torch.no_grad()
    def bare() -> None:
        for shape in shapes:
            model.net(model.normalize(image.expand(shape[0], -1, -1, -1)))

    ours, peer = interleaved(search, bare)
    name = "one pixel, a question"
    rows = [Row(name, 1e3 * ours / asked, "ms", "bare batched forward", ours / peer, 1 / 0.9)]
    try:
        import torchattacks
    except ModuleNotFoundError as error:
        return [*rows, _missing(f"{name}, against torchattacks", error)]
    wrapped = torch.nn.Sequential(_Normalized(model), model.net).eval()
    theirs = torchattacks.OnePixel(wrapped, pixels=1, steps=3, popsize=400, inf_batch=200)
    label = torch.tensor([model.label_index(model.answers(image, 1)[0][0])])

    def attack() -> None:
        theirs(image[None].contiguous(), label)

    counted = sum(shape[0] for shape in seen_by(model, attack))
    ours, peer = interleaved(search, attack, rounds=3)
    ratio = (ours / asked) / (peer / counted)
    return [*rows, Row(name, 1e3 * ours / asked, "ms", "torchattacks'", ratio, 1.0)]


class _Normalized(torch.nn.Module):
    """A model's normalization as a layer, for libraries that know no `ImageModel`."""

    def __init__(self, model: ImageModel) -> None:
        super().__init__()
        self.normalize = model.normalize

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.normalize(images)


def through_openvino() -> list[Row]:
    """Ask viznet for one picture and for 64 through OpenVINO, against torch, both in float32."""
    model, pictures = load_model(device="cpu"), cut_patches(count=64, size=64).pixels(slice(None))
    eager, compiled = torch.no_grad()(model.logits), openvino_logits(model)
    rows = []
    for name, some, rounds in (("one picture", pictures[:1], 100), ("64 pictures", pictures, 15)):
        runs = [partial(compiled, some), partial(eager, some)]
        interleaved(*runs, rounds=1)  # the first time each looks for its kernels
        ours, peer = interleaved(*runs, rounds=rounds)
        rows.append(Row(f"OpenVINO, {name}", 1e3 * ours, "ms", "torch", ours / peer, math.nan))
    return rows


def fast_style() -> Row:
    """Repaint a picture of 256 px by a bundled style net."""
    net, image = load_style(styles()[0]), load_image("chelsea", (256, 256))
    (ours,) = interleaved(lambda: stylize(net, image), rounds=25)
    return Row("fast style", 1000 * ours, "ms", "", None, 60)


def inverters() -> list[Row]:
    """Draw a picture of 64 px from each code that a bundled inverter takes."""
    model, image = load_model("viznet"), load_image("chelsea", (64, 64))[None]
    rows = []
    for layer in PLACES:
        net, code = load_inverter(layer, model.device), layer_code(model, image, layer).detach()
        (ours,) = interleaved(partial(net, code), rounds=25)
        rows.append(Row(f"inverter, {layer}", 1000 * ours, "ms", "", None, 30))
    return rows


def sum_by_hand() -> list[Row]:
    """Correlate a photo with a kernel of 5 x 5 as the lecture writes it, against PyTorch's convolution."""
    image, kernel = load_image("camera", (256, 256)).mean(0), torch.randn(5, 5)
    ours, peer = interleaved(
        lambda: correlate(image, kernel),
        lambda: torch.nn.functional.conv2d(image[None, None], kernel[None, None]),
        rounds=25,
    )
    return [Row("correlation by hand, 5 x 5 on 256 px", 1000 * ours, "ms", "conv2d", ours / peer, 20)]


#: Runs in the page: resolves when the panel's first picture has been painted anew.
WATCH = """() => {
  const picture = document.querySelector('.vizkit-panel .vizkit-frame img');
  window.painted = new Promise(resolve => {
    const start = performance.now();
    picture.addEventListener('load', () => requestAnimationFrame(() => requestAnimationFrame(
      () => resolve(performance.now() - start))), {once: true});
  });
}"""


@contextmanager
def panel_page(source: str, *more: str) -> Iterator[Any]:
    """Yield a page of Chromium on a notebook whose first cell has run; more cells wait to be."""
    from vizkit.browser import fake_camera, open_browser, open_notebook, run_all, write_notebook
    from vizkit.lab import lab_server

    with tempfile.TemporaryDirectory() as folder:
        write_notebook(Path(folder, "panel.ipynb"), source, *more)
        flags = fake_camera(Path(folder))
        with lab_server(Path(folder)) as address, open_browser(flags=flags) as page:
            open_notebook(page, address, "panel.ipynb")
            run_all(page) if not more else run_next(page)
            page.locator(".vizkit-panel").wait_for(timeout=60_000)
            yield page


def slider_to_pixels() -> Row:
    """One activation grid (viznet, 256 px) from the slider to the pixels, in Chromium."""
    with panel_page("import vizkit\nvizkit.panels.activations.show()") as page:
        return Row("slider to pixels", painted_after_keys(page), "ms", "", None, 80)


#: A panel on a net of the torchvision layout, or the bundled one, that is asked at 224 px.
OCCLUDER = """import torchvision, vizkit
viznet = vizkit.load_model()
nets = {{
    "viznet": lambda: vizkit.ImageModel(viznet.net, mean=viznet.mean, std=viznet.std,
                                        labels=viznet.labels, input_size=224),
    "squeezenet1_1": lambda: vizkit.ImageModel(torchvision.models.squeezenet1_1().eval()),
}}
vizkit.panels.occluder.show(model=nets["{name}"]())"""


def dragged_occluder() -> list[Row]:
    """One place of the occluder (224 px) from the slider to the pixels, in Chromium."""
    rows = []
    for name in ("viznet", "squeezenet1_1"):
        with panel_page(OCCLUDER.format(name=name)) as page:
            taken = painted_after_keys(page)
        rows.append(Row(f"dragged occluder, {name}", taken, "ms", "", None, 100))
    return rows


#: Runs in the page: for each painted picture the time, and how old the camera's frame in it is.
FILMED = """() => {
  window.filmed = [];
  let taken = 0;
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (source, ...rest) {
    if (source instanceof HTMLVideoElement) taken = performance.now();
    return draw.call(this, source, ...rest);
  };
  document.querySelector('.vizkit-panel .vizkit-frame img').addEventListener('load', () => {
    const of = taken;
    requestAnimationFrame(() => window.filmed.push([performance.now(), performance.now() - of]));
  });
}"""


def camera() -> list[Row]:
    """Follow Chromium's own fake camera: maps of viznet at 128 px, a style at 192 px."""
    rows = []
    for name, panel in (("maps", "activations.show(size=128)"), ("style", "repaint.show(size=192)")):
        with panel_page(f"import vizkit\nvizkit.panels.{panel}") as page:
            page.get_by_role("button", name="More pictures").first.click()
            page.evaluate(FILMED)
            page.get_by_role("button", name="Camera", exact=True).first.click()
            page.wait_for_timeout(12_000)
            filmed = page.evaluate("() => window.filmed")[10:]
        apart = (filmed[-1][0] - filmed[0][0]) / (len(filmed) - 1)
        rows.append(Row(f"camera, {name}, between two frames", apart, "ms", "", None, 100))
        rows.append(
            Row(f"camera, {name}, age when painted", statistics.median(age for _, age in filmed), "ms", "", None, 150)
        )
    return rows


def attribution_scores() -> list[Row]:
    """Score every method on 500 scenes whose truth is known: the table of notebook 05."""
    found = last(score_steps(load_model("scenes"), make_scenes(500, seed=100)))
    scores = {"pointing game": found.pointing, "IoU": found.overlap, "energy": found.inside}
    return [
        Row(f"{method}, {score}", values[method], "", "", None, math.nan)
        for method in QUICK
        for score, values in scores.items()
    ]


#: Runs in the page: collects the times at which the first chart is painted.
PAINTS = """() => {
  window.paints = [];
  document.querySelector('.js-plotly-plot').on(
    'plotly_afterplot', () => window.paints.push(performance.now()));
}"""


def painted_after_keys(page: Any, presses: int = 23) -> float:
    """Return the median milliseconds from a key on the panel's first slider to the pixels."""
    page.locator(".vizkit-panel .noUi-handle").first.focus()
    taken = []
    for _ in range(presses):
        page.evaluate(WATCH)
        page.keyboard.press("ArrowRight")
        taken.append(float(page.evaluate("() => window.painted")))
    return statistics.median(taken[3:])


def live_embedding() -> Row:
    """Time between two paints of the live t-SNE of 1,000 points, in Chromium."""
    with panel_page("import vizkit\nvizkit.panels.tsne.show()") as page:
        page.locator(".js-plotly-plot").first.wait_for(timeout=60_000)
        page.evaluate(PAINTS)
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_timeout(10_000)
        page.get_by_role("button", name="Pause").click()
        paints = page.evaluate("() => window.paints")
    mean = (paints[-1] - paints[0]) / (len(paints) - 1)
    return Row("live t-SNE frame", mean, "ms", "", None, 1000 / 15)


#: Runs in the page: presses Pause and resolves when the run stands still.
STANDSTILL = """() => new Promise(resolve => {
  const button = [...document.querySelectorAll('.vizkit-bar button')].find(one => one.textContent === 'Pause');
  const start = performance.now();
  new MutationObserver(() => button.textContent === 'Play' && resolve(performance.now() - start))
    .observe(button, {childList: true, characterData: true, subtree: true});
  button.click();
})"""


def standstill() -> Row:
    """Time from Pause to the standstill of the live t-SNE of 1,000 points, in Chromium."""
    taken = []
    with panel_page("import vizkit\nvizkit.panels.tsne.show(steps=2000)") as page:
        for _ in range(7):
            page.get_by_role("button", name="Play", exact=True).click()
            page.wait_for_timeout(1000)
            taken.append(float(page.evaluate(STANDSTILL)))
    return Row("Pause to standstill", statistics.median(taken), "ms", "", None, 150)


def page_memory() -> list[Row]:
    """Measure what a page's memory grows by over 1,000 pictures, and over 1,000 charts."""
    rows = []
    cells = {"pictures": ("activations", "channel=i % 48"), "charts": ("descent", "steps=20 + i % 60")}
    for name, (panel, change) in cells.items():
        again = f"for i in range(500):\n    panel.set({change})"
        source = f"import vizkit\npanel = vizkit.panels.{panel}.show()\npanel"
        with panel_page(source, again, again, again) as page:
            session = page.context.new_cdp_session(page)
            heap = []
            for _ in range(3):  # the first five hundred fill what is kept for good
                run_next(page)
                page.wait_for_timeout(2000)
                session.send("HeapProfiler.collectGarbage")
                heap.append(page.evaluate("() => performance.memory.usedJSHeapSize"))
        rows.append(Row(f"page memory, 1,000 {name}", (heap[2] - heap[0]) / 1e6, "MB", "", None, 10))
    return rows


def run_next(page: Any) -> None:
    """Run the next cell of the notebook on the page and wait for its end."""
    page.keyboard.press("Shift+Enter")
    page.wait_for_timeout(500)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=240_000, state="attached")


def panel_step() -> Row:
    """Time a live run through a panel, against the bare generator and what is drawn of it.

    The bare runs before and behind it, in a thread as it does: beside the main thread's, GNU's
    OpenMP lets a second pool of threads sleep behind each operation, which takes 1.2 to 1.3 times
    as long. (A pool that does not sleep is worse: it takes the browser's time, and a live t-SNE on
    two cores took twice as long.)
    """
    from vizkit.panels import dream

    image, net = load_image("china", 192), load_model("viznet-robust")
    method = partial(dream_steps, net, image, ["relu7"], octaves=3, steps=40, rate=3 / 255, jitter=16)

    def alone(seed: int) -> None:
        thread = Thread(target=lambda: last(method(seed=seed)))
        thread.start()
        thread.join()

    bare = [seconds(partial(alone, 0))]
    through, shares = 0.0, []
    for seed in range(5):
        panel = dream.show(size=192, octaves=3, steps=40, seed=seed)
        drawing, present = [0.0], panel._present

        def timed(*args: Any, drawing: list[float] = drawing, present: Any = present) -> None:
            drawing[0] += seconds(partial(present, *args))

        panel._present = timed
        through = seconds(panel.play, panel.wait)
        bare.append(seconds(partial(alone, seed)))
        shares.append(through / (sum(bare[-2:]) / 2 + drawing[0]))
    ratio = statistics.median(shares)
    return Row("panel step", through, "s", "the bare run and its drawings", ratio, 1.05)


MEMORY_CELL = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def kernel_memory() -> Row:
    """Peak memory of a kernel that has run notebook 04."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(NOTEBOOKS, folder, dirs_exist_ok=True)
        notebook = nbformat.read(Path(folder, "04_filters.ipynb"), 4)
        notebook.cells.append(nbformat.v4.new_code_cell(MEMORY_CELL))
        client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}})
        client.execute()
    peak = int(notebook.cells[-1].outputs[0].text) * (1 if sys.platform == "darwin" else 1024)
    return Row("kernel memory", peak / 1e9, "GB", "", None, 1.5)


def windows_at_once() -> list[Row]:
    """All windows of a scene in one pass against one by one, and the bundled detectors."""
    crops, scene = load_detector(CropNet), make_crowds(1, size=SIZE, unseen=True, seed=2).images[0].float() / 255
    ours, peer = interleaved(lambda: ask_all_at_once(crops, scene), lambda: ask_each_window(crops, scene))
    rows = [Row("225 windows at once", 1000 * ours, "ms", "one by one", ours / peer, 1 / 5)]
    regions, grid = load_detector(RegionNet), load_detector(GridNet)
    for name, find in (("Faster R-CNN", lambda: faster_rcnn(regions, scene)), ("YOLO", lambda: yolo(grid, scene))):
        (taken,) = interleaved(find)
        rows.append(Row(f"{name}, a scene", 1000 * taken, "ms", "", None, 100))
    return rows


ROWS: dict[str, Callable[[], Row | list[Row]]] = {
    "import": import_time,
    "patch scan": patch_scan,
    "loss surface": loss_surface,
    "guided backprop": guided_gradient,
    "occlusion": occlusion_map,
    "feature step": feature_step,
    "dream step": dream_step,
    "style step": style_step,
    "OpenVINO": through_openvino,
    "fast style": fast_style,
    "inverters": inverters,
    "correlation": sum_by_hand,
    "detectors": windows_at_once,
    "PGD": attack_steps,
    "one pixel": one_pixel_queries,
    "slider to pixels": slider_to_pixels,
    "dragged occluder": dragged_occluder,
    "camera": camera,
    "live t-SNE frame": live_embedding,
    "Pause to standstill": standstill,
    "page memory": page_memory,
    "panel step": panel_step,
    "kernel memory": kernel_memory,
    "scores": attribution_scores,
}
