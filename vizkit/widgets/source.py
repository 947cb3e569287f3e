"""A panel's function, read as a text: what it returns, and the lines that make what is shown."""

import ast
import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import vizkit
from vizkit.widgets.running import Course


@dataclass(frozen=True)
class Source:
    """The text of a panel's function, taken apart.

    Parameters
    ----------
    text : str
        Of the function, not indented.
    begin : int
        The line behind which the body's comments begin.
    body : list of ast.stmt
        Without the docstring, and without what comes last.
    loop : ast.For or None
        Of a live run: ``for ... in run(...)``.
    result : ast.expr or None
        What is returned or yielded beside the items.
    items : dict of str to ast.expr
        What is shown, by name.
    """

    text: str
    begin: int
    body: list[ast.stmt]
    loop: ast.For | None
    result: ast.expr | None
    items: dict[str, ast.expr]

    @property
    def has_background(self) -> bool:
        """Whether an item is drawn by a run in the background."""
        return any(_called(_asked_for(node)) == "live" for node in self.items.values())

    @property
    def measured(self) -> set[str]:
        """Names of the items that are not the same twice, those among them that are made when asked for."""
        return {name for name, node in self.items.items() if _called(_asked_for(node)) == "Measured"}

    def lines(self, nodes: Sequence[ast.stmt], *, after: int = 0) -> list[str]:
        """Return the author's own lines of statements, with the comments from a line on."""
        if not nodes:
            return []
        rows = self.text.splitlines()[after or nodes[0].lineno - 1 : nodes[-1].end_lineno]
        return textwrap.dedent("\n".join(rows)).splitlines()

    def part(self, node: ast.AST) -> str:
        """Return the author's text of an expression."""
        first, *rest = (ast.get_source_segment(self.text, node) or ast.unparse(node)).splitlines()
        return "\n".join([first, *textwrap.dedent("\n".join(rest)).splitlines()])


def read(function: Callable[..., Any]) -> Source:
    """Take a panel's function apart.

    Raises
    ------
    ValueError
        If it is not one return of named items, or one loop over a run; the cure is named.
    """
    name = _named(function)
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise ValueError(
            f"{name}: its source cannot be read, and Show code is its source; write it in a "
            "notebook's cell or in a file"
        ) from error
    definition = ast.parse(text).body[0]
    assert isinstance(definition, ast.FunctionDef)
    body, begin = definition.body, definition.body[0].lineno - 1
    if ast.get_docstring(definition) is not None:
        body, begin = body[1:], body[0].end_lineno or begin
    if inspect.isgeneratorfunction(function):
        return _read_run(name, text, begin, body)
    if len(_own(body, ast.Return)) != 1 or not isinstance(body[-1], ast.Return):
        raise ValueError(f"{name} must have one return, as its last line; compute first, return once")
    result, items = _items(name, body[-1].value, "return")
    return Source(text, begin, body[:-1], None, result, items)


def _named(function: Any) -> str:
    """Return a function's name.

    Raises
    ------
    ValueError
        If it has none, or is no plain function: its lines could not be shown.
    """
    kind = type(function).__name__
    if not inspect.isfunction(function):
        raise ValueError(f"{getattr(function, '__name__', kind)} must be a function to be a panel, got a {kind}")
    if function.__name__ == "<lambda>":
        raise ValueError("a panel must be a function with a name, got a lambda; write it with 'def'")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ValueError(f"{function.__name__} must be a plain function, got an async one; write 'def' for 'async def'")
    return str(function.__name__)


def _read_run(name: str, text: str, begin: int, body: list[ast.stmt]) -> Source:
    loop = body[-1]
    good = isinstance(loop, ast.For) and _runs(loop) and not loop.orelse
    yields = _own(body, (ast.Yield, ast.YieldFrom))
    if not good or len(yields) != 1 or _own(body, ast.Return):
        raise ValueError(
            f"{name} must end in one loop 'for step in run(method, ...):' with one yield; what "
            "accumulates over steps belongs into the step"
        )
    assert isinstance(loop, ast.For)
    end = loop.body[-1]
    if not (isinstance(end, ast.Expr) and isinstance(end.value, ast.Yield)):
        raise ValueError(f"{name}: its yield must be the last line of its loop")
    result, items = _items(name, end.value.value, "yield")
    return Source(text, begin, body[:-1], loop, result, items)


def _own(body: Iterable[ast.AST], kind: Any) -> list[ast.AST]:
    """Find nodes of a kind, but not those of functions inside."""
    found, todo = [], list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, kind):
            found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            todo += ast.iter_child_nodes(node)
    return found


def _runs(loop: ast.For) -> list[tuple[str, ast.Call]]:
    """Return the loop's targets, each with its ``run(...)``; none if it is no such loop."""
    call, targets = loop.iter, [loop.target]
    calls = [call]
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "zip":
        calls = call.args
        targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else []
    pairs = [
        (target.id, one)
        for target, one in zip(targets, calls, strict=False)
        if isinstance(one, ast.Call)
        and isinstance(one.func, ast.Name)
        and one.func.id == "run"
        and isinstance(target, ast.Name)
    ]
    return pairs if len(pairs) == len(calls) == len(targets) else []


def _items(name: str, value: ast.expr | None, word: str) -> tuple[ast.expr | None, dict[str, ast.expr]]:
    """Take ``{...}`` or ``result, {...}`` apart."""
    result, items = None, value
    if isinstance(value, ast.Tuple) and len(value.elts) == 2:
        result, items = value.elts
    if isinstance(items, ast.Dict):
        keys = [key.value for key in items.keys if isinstance(key, ast.Constant)]
        if keys and len(keys) == len(items.values) and all(isinstance(k, str) for k in keys):
            twice = [key for key in keys if keys.count(key) > 1]
            if twice:
                raise ValueError(f"{name}: two items are called {twice[0]!r}; give each a name of its own")
            return result, dict(zip(map(str, keys), items.values, strict=True))
    raise ValueError(
        f'{name} must {word} what it shows by name: {word} {{"picture": ...}}, or {word} result, {{"picture": ...}}'
    )


# The listing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """What a panel's listing has to tell.

    Parameters
    ----------
    setup : dict of str to str
        A line for each parameter that has its present value.
    values : mapping
        The controls' present values.
    written : callable
        ``written(name, value)``: a control's value as Python.
    courses : sequence of Course
        The runs, in the order in which the function asks for them.
    background : mapping of str to Course
        The runs of items that are drawn in the background, by the item's name.
    texts : collection of str
        Names of the items that are texts: they are printed.
    made : sequence of object
        Values that are written by their own ``repr``: their types are imported.
    """

    setup: dict[str, str]
    values: Mapping[str, Any]
    written: Callable[[str, Any], str]
    courses: Sequence[Course] = ()
    background: Mapping[str, Course] = field(default_factory=dict)
    texts: Collection[str] = ()
    made: Sequence[Any] = ()


def listing(source: Source, function: Callable[..., Any], state: State) -> str:
    """Write the Python that makes what a panel shows: the function's own lines."""
    code = source.lines(source.body, after=source.begin) if source.loop is None else _run_lines(source, state)
    if source.result is not None:
        code.append(f"result = {source.part(source.result)}")
    for name, node in source.items.items():
        code += _shown(source, name, node, state)
    body = "\n".join(code)
    needed, used = [], _names(ast.parse(body))
    for name, line in reversed(state.setup.items()):
        if name in used:  # what makes one parameter may need another
            needed.append(line)
            used |= _names(ast.parse(line)) if "=" in line else set()
    mine = set(state.setup) | _assigned(ast.parse(body))
    needs = _needs(function, used - mine, state.made)
    seed = state.values.get("seed")
    seeded = "" if seed is None else f", seed {seed}"
    head = f"# vizkit {vizkit.__version__}, torch {version('torch')}{seeded}"
    return "\n".join([head, *needs, "", *needed[::-1], *([""] if needed else []), body])


def _run_lines(source: Source, state: State) -> list[str]:
    """Return the lines that bring each run to its present step, and those behind."""
    assert source.loop is not None
    runs = list(zip(_runs(source.loop), state.courses, strict=False))
    feeding = _feeding(source, {name for (_, call), _ in runs for name in _names(call)})
    changed = [_changed(course, _used(source, call), state) for (_, call), course in runs]
    inner = source.loop.body[:-1]
    behind = source.lines(inner, after=source.loop.body[0].lineno - 1) if inner else []
    if not any(changed):
        lines = source.lines(source.body, after=source.begin)
        for (target, call), course in runs:
            lines += _loop(source, target, call, str(_index(course)))
        return lines + behind
    moving = _moving(feeding, {name for names in changed for name in names})
    fixed = [node for node in feeding if node not in moving]
    lines = [line for node in fixed for line in source.lines([node])]
    for ((target, call), course), names in zip(runs, changed, strict=True):
        lines += _stretched(source, target, call, course, names, moving, state)
    # What is drawn has the present values, also where it is drawn from what feeds the run.
    mended: list[str] = []
    for (_, course), names in zip(runs, changed, strict=True):
        last = [one for one in course.stretches if one.until][-1]
        for name in names:
            now = state.written(name, state.values[name])
            if now != state.written(name, last.values[name]) and f"{name} = {now}" not in mended:
                mended.append(f"{name} = {now}")
    drawn = {name for node in source.loop.body for name in _names(node)}
    again = [node for node in moving if mended and _assigned(node) & drawn]
    rest = [node for node in source.body if node in again or node not in feeding]
    return [*lines, *mended, *(line for node in rest for line in source.lines([node])), *behind]


def _used(source: Source, call: ast.Call) -> set[str]:
    """Return the names that a run's arguments are made of."""
    feeding = _feeding(source, _names(call))
    return _names(call) | {name for node in feeding for name in _names(node)}


def _moving(feeding: Sequence[ast.stmt], changed: set[str]) -> list[ast.stmt]:
    """Return those of the statements that feed a run which a changed control moves."""
    touched, found = set(changed), []
    for node in feeding:
        if _names(node) & touched:
            touched |= _assigned(node)
            found.append(node)
    return found


def _changed(course: Course, used: set[str], state: State) -> list[str]:
    """Return the controls that a run's stretches, or the present, have differently."""
    states = [one.values for one in course.stretches if one.until] + [state.values]
    return [
        name
        for name in state.values
        if name in used and len({state.written(name, values[name]) for values in states}) > 1
    ]


def _stretched(
    source: Source,
    target: str,
    call: ast.Call,
    course: Course,
    names: Sequence[str],
    feeding: Sequence[ast.stmt],
    state: State,
) -> list[str]:
    """Return one loop over the stretches of a run that was changed under way."""
    if not names:
        return _loop(source, target, call, str(_index(course)))
    rows = [
        ", ".join([str(one.until), *(state.written(name, one.values[name]) for name in names)])
        for one in course.stretches
        if one.until
    ]
    head = f"for {', '.join(['until', *names])} in [{', '.join(f'({row})' for row in rows)}]:"
    body = [line for node in feeding for line in source.lines([node])]
    body += _loop(source, target, call, "until", resume=True)
    return [
        f"{target} = None  # the run was changed under way: it is done again, stretch by stretch",
        head,
        *textwrap.indent("\n".join(body), "    ").splitlines(),
    ]


def _index(course: Course) -> int:
    return int(getattr(course.step, "index", course.taken))


def _loop(source: Source, target: str, call: ast.Call, until: str, *, resume: bool = False) -> list[str]:
    """Return the plain loop over a method's steps, to one of them."""
    given = [*call.args[1:], *(one for one in call.keywords if one.arg != "draw")]
    parts = [" ".join(source.part(one).split()) for one in given]
    parts += [f"resume={target}"] if resume else []
    line = f"for {target} in {source.part(call.args[0])}({', '.join(parts)}):"
    return [line, f"    if {target}.index == {until}:", "        break"]


def _feeding(source: Source, names: set[str]) -> list[ast.stmt]:
    """Return the statements before the loop that the runs' arguments are made by."""
    needed, found = set(names), []
    for node in reversed(source.body):
        if _assigned(node) & needed:
            needed |= _names(node)
            found.append(node)
    return found[::-1]


def _shown(source: Source, name: str, node: ast.expr, state: State) -> list[str]:
    """Return the lines that show an item: without the words that only a panel needs."""
    show = "print" if name in state.texts else "display"
    node = _asked_for(node)
    called = _called(node)
    if called == "Measured" and isinstance(node, ast.Call):
        return [f"{show}({source.part(node.args[0])})"]
    if called != "live" or not isinstance(node, ast.Call):
        return [f"{show}({source.part(node)})"]
    course = state.background.get(name)
    if course is None or course.step is None:
        return [f"# {name}: its run has not begun"]
    draw = next(one.value for one in node.keywords if one.arg == "draw")
    target = draw.args.args[0].arg if isinstance(draw, ast.Lambda) else "step"
    drawn = source.part(draw.body) if isinstance(draw, ast.Lambda) else f"{source.part(draw)}(step)"
    return [*_loop(source, target, node, str(_index(course))), f"{show}({drawn})"]


def _asked_for(node: ast.expr) -> ast.expr:
    """Return what an item is, also of one that is made when it is asked for."""
    return node.body if isinstance(node, ast.Lambda) else node


def _called(node: ast.expr) -> str:
    """Return the name of the function that is called; empty if none is."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _assigned(node: ast.AST) -> set[str]:
    stored = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    defined = {one.name for one in ast.walk(node) if isinstance(one, ast.FunctionDef)}
    return stored | defined | {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}


# What a listing needs -------------------------------------------------------------------------


def _needs(function: Callable[..., Any], used: set[str], made: Sequence[Any]) -> list[str]:
    """Return import lines, then the constants and helpers of the function's own module."""
    world = function.__globals__
    types = {type(one) for value in made for one in _within(value)}
    imports = {f"from {one.__module__} import {one.__name__}" for one in types}
    imports |= {"import vizkit", "from IPython.display import display"}
    own: dict[str, tuple[int, str]] = {}
    todo, done = set(used), {"vizkit", "display", *(one.__name__ for one in types)}
    while todo:
        name = todo.pop()
        if name in done or name not in world:
            continue  # a builtin, or a name of the listing's own
        done.add(name)
        line = _import_of(name, world)
        if line:
            imports.add(line)
            continue
        place, text = _definition(name, world)
        own[name] = place, text
        todo |= _names(tree := ast.parse(text)) - _assigned(tree) - {name}
    kept = [text for _, text in sorted(own.values())]
    return [*_joined(imports), *(["", *kept] if kept else [])]


def _joined(imports: set[str]) -> list[str]:
    """Return import lines in order, the names of one module in one line."""
    plain: list[str] = []
    names: dict[str, list[str]] = {}
    for line in sorted(imports):
        module, found, name = line.partition(" import ")
        if found:
            names.setdefault(module, []).append(name)
        else:
            plain.append(line)
    return [*plain, *(f"{module} import {', '.join(some)}" for module, some in names.items())]


def _within(value: Any) -> list[Any]:
    """Return the dataclasses in a value."""
    if is_dataclass(value):
        return [value, *(one for f in fields(value) for one in _within(getattr(value, f.name)))]
    return [one for part in value for one in _within(part)] if isinstance(value, tuple) else []


def _import_of(name: str, world: Mapping[str, Any]) -> str:
    """Return the line that imports a name; empty if the module defines it itself."""
    value, here = world[name], world.get("__name__", "__main__")
    written = _module_imports(here).get(name)
    if written:
        return written
    if isinstance(value, ModuleType):
        return f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}")
    module, own = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    known = sys.modules.get(module or "")
    if module not in (None, here) and own and getattr(known, own, None) is value:
        return f"from {module} import {own}" + ("" if own == name else f" as {name}")
    kit = [one for one in sys.modules if one.startswith("vizkit.") and one != here]
    for one in kit if not isinstance(value, (int, float, str, tuple, bool, type(None))) else ():
        if getattr(sys.modules[one], name, None) is value:
            return f"from {one} import {name}"
    return ""


@cache
def _module_tree(module: str) -> tuple[str, ast.Module] | None:
    """Return a module's text and tree; a notebook has none."""
    try:
        text = inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):
        return None
    return text, ast.parse(text)


@cache
def _module_imports(module: str) -> dict[str, str]:
    """Return the import line of each name, as the module's own source has them."""
    found: dict[str, str] = {}
    tree = _module_tree(module)
    for node in tree[1].body if tree else ():
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                one = ast.Import([alias])
                if isinstance(node, ast.ImportFrom):
                    one = ast.ImportFrom(node.module, [alias], node.level)  # type: ignore[assignment]
                found[alias.asname or alias.name] = ast.unparse(one)
    return found


def _definition(name: str, world: Mapping[str, Any]) -> tuple[int, str]:
    """Return where a module's own constant or helper is written, and its text."""
    value = world[name]
    tree = _module_tree(world.get("__name__", "__main__"))
    for node in tree[1].body if tree else ():
        if _assigned_at_top(node, name):
            return node.lineno, _segment(tree[0], node)  # type: ignore[index]
    if isinstance(value, type):
        return _class_in_a_cell(name)
    try:
        text = textwrap.dedent(inspect.getsource(inspect.unwrap(value)))
        node = ast.parse(text).body[0]
        return inspect.unwrap(value).__code__.co_firstlineno, _segment(text, node)
    except (OSError, TypeError, AttributeError, SyntaxError):
        written = repr(value)
    try:
        ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return 0, f"# {name}: yours"
    return 0, f"{name} = {written}"


def _class_in_a_cell(name: str) -> tuple[int, str]:
    """Return a place before all functions, and a notebook's class: `inspect` finds no class there."""
    found = 0, f"# {name}: yours"
    for number, (file, entry) in enumerate(linecache.cache.items()):
        text = "".join(entry[2]) if len(entry) == 4 else ""
        if f"class {name}" not in text or Path(file).is_file():
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and node.name == name:  # the latest one counts
                found = number - len(linecache.cache), _segment(text, node)
    return found


def _assigned_at_top(node: ast.stmt, name: str) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name == name
    targets = (
        node.targets if isinstance(node, ast.Assign) else ([node.target] if isinstance(node, ast.AnnAssign) else [])
    )
    return any(isinstance(one, ast.Name) and one.id == name for one in targets)


def _segment(text: str, node: ast.stmt) -> str:
    """Return a statement's text; a function's without what only remembers its results."""
    rows = text.splitlines()
    written = rows[node.lineno - 1 : node.end_lineno]
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return textwrap.dedent("\n".join(written))
    kept = [
        row
        for one in node.decorator_list
        if "remembered" not in ast.unparse(one)
        for row in [
            f"@{row}" if not index else row
            for index, row in enumerate((ast.get_source_segment(text, one) or "").splitlines())
        ]
    ]
    return "\n" + textwrap.dedent("\n".join([*kept, *written])) + "\n"
