"""Plain words become what Typer makes of them; all others are left to it."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from shared_io import cli
from shared_io.cli.app import build
from shared_io.cli.coerce import UNSURE, plainly


class Kind(StrEnum):
    ONE = "one"
    TWO = "two"


def command(
    whole: Annotated[int, cli.option("--whole", min=-5, max=10)] = 1,
    number: Annotated[float, cli.option("--number", min=0)] = 1.5,
    text: Annotated[str | None, cli.option("--text")] = None,
    place: Annotated[Path, cli.option("--place")] = Path("x"),
    known: Annotated[Path | None, cli.option("--known", exists=True)] = None,
    kind: Annotated[Kind, cli.option("--kind")] = Kind.ONE,
    many: Annotated[list[float] | None, cli.option("--many")] = None,
    pair: Annotated[tuple[float, float], cli.option("--pair")] = (1.0, 2.0),
) -> None:
    """Nothing."""


app = cli.new_app("tool", package="shared-io", help="A tool.")
app.command("do")(command)
PARAMS = {param.name: param for param in build(app, "do").commands["do"].params}
words = st.one_of(
    st.integers(-20, 20).map(str),
    st.floats().map(repr),
    st.sampled_from(["one", "TWO", "two", "1_0", " 3", "0x1", "1e400", "-", "", ".", "/", "nan", "+4", "1."]),
    st.text(max_size=4),
)


@given(st.sampled_from(sorted(set(PARAMS) & {"whole", "number", "text", "place", "kind"})), words)
def test_a_word_is_what_typer_makes_of_it(name, word):
    param = PARAMS[name]
    if "\0" in word:
        return
    found = plainly(word, param.type_descriptor.annotation, param.type_descriptor.parameter_info)
    if found is not UNSURE:
        ctx = typer.Context(build(app, "do").commands["do"])
        wanted = type(param).get_runtime_param(param).coerce(word, param=param, ctx=ctx)
        assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("whole", "10", 10), ("whole", "11", UNSURE), ("whole", "1.0", UNSURE), ("whole", True, UNSURE),
        ("number", "2.5e1", 25.0), ("number", "-1", UNSURE), ("number", 3, 3.0), ("number", "inf", UNSURE),
        ("kind", "two", Kind.TWO), ("kind", Kind.ONE, Kind.ONE), ("kind", "TWO", UNSURE), ("known", ".", UNSURE),
        ("place", "no/such", Path("no/such")), ("place", "-", UNSURE), ("place", Path("x"), Path("x")),
        ("many", ["1", "2.5"], [1.0, 2.5]), ("many", ["1", "x"], UNSURE), ("pair", ("1", "2"), UNSURE),
    ],
)  # fmt: skip
def test_what_is_plain(name, word, value):
    param = PARAMS[name]
    found = plainly(word, param.type_descriptor.annotation, param.type_descriptor.parameter_info)
    assert found == value
    assert type(found) is type(value)


def test_a_plain_line_needs_no_pydantic(tmp_path):
    code = (
        "import sys\nsys.path.insert(0, sys.argv.pop(1))\nfrom test_cli_coerce import app\n"
        "from shared_io.cli import execute\n"
        "code = execute(app, prog='tool', argv=['do', '--whole', '3', '--place', 'p', '--many', '1', '2'])\n"
        "print(code, 'typer._adapters' in sys.modules)\n"
    )
    words = [sys.executable, "-c", code.replace("from test_cli_coerce import app", APP), str(Path(__file__).parent)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.split() == ["0", "False"]


APP = (
    "from pathlib import Path\nfrom typing import Annotated\nfrom shared_io import cli\n"
    "app = cli.new_app('tool', package='shared-io', help='A tool.')\n"
    "def do(whole: Annotated[int, cli.option('--whole', min=1)] = 1, place: Annotated[Path, cli.option('--place')] "
    "= Path('x'), many: Annotated[list[float] | None, cli.option('--many')] = None) -> None:\n    'Nothing.'\n"
    "app.command('do')(do)\n"
)
