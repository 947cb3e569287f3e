"""``vizkit lab | present | gallery | reference | homework | tally | doctor | bench``."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="See, by hand, what a neural network has learned.", no_args_is_help=True, pretty_exceptions_show_locals=False
)


@app.command()
def lab(
    notebook: Annotated[str | None, typer.Argument(help="A notebook to open first, such as 04_filters.ipynb.")] = None,
    port: Annotated[int, typer.Option(help="On 127.0.0.1; the next free one if taken.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open JupyterLab on the lectures."""
    from vizkit.lab import open_lab

    raise typer.Exit(open_lab(notebook, port, browser=browser, say=typer.echo))


@app.command()
def present(
    notebook: Annotated[str, typer.Argument(help="A file, or a lecture such as 04_filters or 04.")],
    port: Annotated[int, typer.Option(help="On 127.0.0.1; the next free one if taken.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Show a notebook on the projector: no code, large type, panels side by side."""
    from vizkit.present import present as serve

    with _one_sentence():
        status = serve(notebook, port, browser=browser, say=typer.echo)
    raise typer.Exit(status)


@app.command()
def gallery(
    notebooks: Annotated[
        list[Path] | None, typer.Argument(help="Notebooks; all lectures by default.", exists=True, dir_okay=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="The site's folder.")] = Path("gallery"),
    timeout: Annotated[float, typer.Option(help="Seconds a cell may take.")] = 600,
) -> None:
    """Execute notebooks and write a site of plain files; exit status 1 if one stopped."""
    from vizkit.gallery import build_gallery

    with _one_sentence():
        pages = build_gallery(out, notebooks or (), timeout=timeout, progress=True)
    broken = [page for page in pages if page.error]
    for page in broken:
        print(f"FAIL  {page.lecture.name}: {page.error}")
    print(f"{len(pages) - len(broken)} of {len(pages)} notebooks: {out / 'index.html'}")
    raise typer.Exit(1 if broken else 0)


@app.command()
def reference(out: Annotated[Path, typer.Option(help="The folder.")] = Path("gallery/reference")) -> None:
    """Write the reference of every function and class as plain files."""
    from vizkit.reference import build_reference

    print(build_reference(out))


homework = typer.Typer(help="Homework by nbgrader.", no_args_is_help=True)
app.add_typer(homework, name="homework")
_Names = Annotated[list[str] | None, typer.Argument(help="Assignments such as ps01; all by default.")]
_Course = Annotated[Path | None, typer.Option(help="The course's folder; the kit's own by default.")]


@homework.command()
def start(course: Annotated[Path, typer.Argument(help="A new folder.")]) -> None:
    """Make a course of your own of the bundled assignments."""
    from vizkit.homework import assignments, start_course

    with _one_sentence():
        print(f"{course}: {', '.join(assignments(start_course(course)))}")


@homework.command()
def release(names: _Names = None, course: _Course = None) -> None:
    """Write what students get: no solutions, no hidden tests."""
    from vizkit.homework import default_course
    from vizkit.homework import release as write

    with _one_sentence():
        for folder in write(course or default_course(), names or ()):
            print(folder)


@homework.command()
def check(notebook: Annotated[Path, typer.Argument(help="A student's or an instructor's notebook.")]) -> None:
    """Run a notebook's visible tests; exit status 1 if one fails."""
    from vizkit.homework import check as failures_of

    with _one_sentence():
        failures = failures_of(notebook)
    print(failures or "all tests pass")
    raise typer.Exit(1 if failures else 0)


@homework.command()
def grade(
    names: _Names = None,
    course: _Course = None,
    timeout: Annotated[int | None, typer.Option(help="Seconds a cell may take.")] = None,
) -> None:
    """Grade what is in submitted/STUDENT/ASSIGNMENT; exit status 1 if something cannot be."""
    from vizkit.homework import default_course
    from vizkit.homework import grade as run

    with _one_sentence():
        scores = run(course or default_course(), names or (), timeout=timeout)
    for one in scores:
        by_hand = "  answers wait for a hand" if one.waiting else ""
        points = f"not graded: {one.problem}" if one.problem else f"{one.score:5.1f} of {one.most:g}"
        print(f"{one.assignment}  {one.student:20} {points}{by_hand}")
    raise typer.Exit(1 if any(one.problem for one in scores) else 0)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Say what is wrong in a sentence and end with status 2."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def freeze(
    notebook: Annotated[Path, typer.Argument(help="A notebook that was run and saved.")],
    out: Annotated[Path | None, typer.Option(help="NAME-frozen.ipynb beside it by default.")] = None,
) -> None:
    """Write a copy of a notebook that shows its panels as pictures where no kernel is."""
    from vizkit.freeze import freeze as run

    with _one_sentence():
        print(run(notebook, out))


@app.command()
def tally(
    folder: Annotated[Path, typer.Argument(help="With the class's vizkit-trail.json files, in it or below it.")],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("tally.html"),
) -> None:
    """Show on one page what the class expected, a histogram for each question beside the truth."""
    from vizkit.tally import write_tally

    with _one_sentence():
        found = write_tally(folder, out)
    for problem in found.left_out:
        print(f"left out  {problem}")
    print(f"{found.trails} trails: {out}")


@app.command()
def doctor() -> None:
    """Check, the evening before, what could fail in class; exit status 1 if something will."""
    from vizkit.doctor import examine

    failed = 0
    for finding in examine():
        failed += not finding.ok
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what}: {finding.text}")
        if not finding.ok:
            print(f"      cure: {finding.cure}")
    raise typer.Exit(1 if failed else 0)


@app.command()
def bench(
    rows: Annotated[list[str] | None, typer.Argument(help="Rows to measure; all by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Measure speed and size, each as a ratio or against its goal."""
    from vizkit.bench import ROWS, measure

    unknown = [row for row in rows or [] if row not in ROWS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no row; there are {', '.join(ROWS)}")
    results = []
    for result in measure(rows):
        results.append(result.as_dict())
        if not as_json:
            print(result)
    if as_json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    app()
