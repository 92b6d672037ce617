"""The rules of the house that a reader can check by looking."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from packages import PACKAGES, ROOT

MAX_LINES = 500
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "tools"}
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "os.system", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# Written in two parts, so that this file does not hold them itself.
FOREIGN = re.compile("|".join([r"/" + r"work/", r"/" + r"root/", r"/" + r"home/(?!user/|you/|me/)\w"]))
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".cff", ".yaml", ".yml", ".sh", ".Dockerfile", ""}


def tracked() -> list[Path]:
    """The files of the repository, new ones included."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in done.stdout.splitlines() if (path := ROOT / line).is_file()]


FILES = tracked()
MODULES = [path for path in FILES if path.suffix == ".py"]
SOURCES = [path for path in MODULES if "src" in path.relative_to(ROOT).parts]


def trees(paths: list[Path]) -> Iterator[tuple[Path, ast.Module]]:
    for path in paths:
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def texts() -> Iterator[tuple[Path, str]]:
    for path in FILES:
        if path.suffix in TEXT_SUFFIXES and b"\0" not in (data := path.read_bytes()):
            yield path.relative_to(ROOT), data.decode("utf-8")


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_modules_are_short() -> None:
    long = {str(p.relative_to(ROOT)): n for p in MODULES if (n := len(p.read_text().splitlines())) > MAX_LINES}
    assert long == {}


def test_functions_are_short() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = [
        f"{path}:{node.lineno} {node.name} ({length} lines)"
        for path, tree in trees(SOURCES)
        for node in ast.walk(tree)
        if isinstance(node, kinds) and (length := _body_lines(node)) > 45
    ]
    assert long == []


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without the docstring."""
    body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1


def test_no_module_is_named_after_nothing() -> None:
    names = {str(p.relative_to(ROOT)) for p in SOURCES if FORBIDDEN_NAMES & {p.stem, *p.relative_to(ROOT).parts[:-1]}}
    assert names == set()


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{path}:{number}"
        for path, text in texts()
        if path.name != Path(__file__).name and path.name != "ruff.toml"
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line) or "NotImplementedError" in line
    ]
    assert found == []


def test_nothing_can_run_foreign_code() -> None:
    found = []
    for path, tree in trees(SOURCES):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [f"{path}: {a.name}" for a in node.names if a.name.split(".")[0] in FORBIDDEN_IMPORTS]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORBIDDEN_IMPORTS:
                found.append(f"{path}: {node.module}")
            elif isinstance(node, ast.Call):
                found += [f"{path}:{node.lineno} {problem}" for problem in _unsafe(node)]
    assert found == []


def _unsafe(call: ast.Call) -> Iterator[str]:
    name = dotted(call.func)
    keywords = {k.arg: k.value for k in call.keywords}
    if name in UNSAFE_CALLS:
        yield name
    if name == "yaml.load" and dotted(keywords.get("Loader", ast.Name(""))) != "StrictLoader":
        yield "yaml.load without the strict loader"
    for key in ("shell", "allow_pickle"):
        value = keywords.get(key)
        if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
            yield f"{name}({key}=...)"


def test_no_path_or_host_of_one_machine() -> None:
    found = [
        f"{path}:{number}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert found == []


def test_imports_do_nothing() -> None:
    """No configuration, seeds or logging set-up at import."""
    banned = {"logging.basicConfig", "np.random.seed", "numpy.random.seed", "random.seed", "warnings.filterwarnings"}
    banned |= {"warnings.simplefilter", "matplotlib.use", "os.environ.setdefault", "os.putenv"}
    found = []
    for path, tree in trees(SOURCES):
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                continue
            found += [
                f"{path}: {n}"
                for c in ast.walk(statement)
                if isinstance(c, ast.Call) and (n := dotted(c.func)) in banned
            ]
    assert found == []


def test_only_the_command_line_prints() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in trees(SOURCES)
        if "cli" not in path.parts and path.stem not in {"cli", "__main__"}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and dotted(node.func) == "print"
    ]
    assert found == []


def test_every_package_has_a_place() -> None:
    assert sorted(p.name for p in (ROOT / "packages").iterdir() if p.is_dir()) == sorted(
        p.name for p in PACKAGES if p.name != "shared-io"
    )


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "CITATION.cff", "CONTRIBUTING.md", "Makefile", "ruff.toml"])
def test_the_top_is_complete(name: str) -> None:
    assert (ROOT / name).stat().st_size > 100


def test_make_help_names_every_verb() -> None:
    text = (ROOT / "Makefile").read_text()
    verbs = {verb for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE) for verb in line.split()}
    documented = set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))
    assert verbs == documented
    assert {
        "help",
        "environments",
        "demo",
        "test",
        "lint",
        "type",
        "arch",
        "bench",
        "faults",
        "wheels",
        "clean",
    } <= verbs
