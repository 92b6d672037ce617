"""The face of a command: what it takes, prints and returns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_app import app, seen
from shared_io import cli

SCRIPT = Path(__file__).with_name("cli_app.py")


def call(line: str | list[str], **more: Any) -> int:
    words = line.split() if isinstance(line, str) else line
    return cli.execute(app, prog="stars", argv=words, **({"default_verb": "fit"} | more))


def spawn(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, timeout=30, **more)


class TestParsing:
    def test_values_reach_the_command(self) -> None:
        line = "m.fits -cpu 4 --maglim 1 2.5 --group_ids 360 361 -f MAG 1 -2 --filter B 3 4 --margin -5"
        assert call(line + " --do_gpu True --arg A 5,10 --arg B x --span 2 3 --level low") == 0
        assert seen["model"] == Path("m.fits")
        assert (seen["cpu"], seen["margin"], seen["doGPU"], seen["level"]) == (4, -5, True, "low")
        assert seen["maglim"] == [1.0, 2.5]
        assert seen["group_ids"] == [360, 361]
        assert seen["cuts"] == [("MAG", 1.0, -2.0), ("B", 3.0, 4.0)]
        assert seen["arg"] == [("A", "5,10"), ("B", "x")]
        assert seen["span"] == (2, 3)

    def test_defaults(self) -> None:
        assert call("m.fits") == 0
        assert (seen["cpu"], seen["maglim"], seen["cuts"], seen["span"]) == (1, [12, 18, 21], None, (1, 4))

    @pytest.mark.parametrize(
        "line",
        [
            "m.fits --cpu 4",
            "--cpu 4 m.fits",
            "fit m.fits --cpu 4",
            "fit --cpu 4 m.fits",
            "--cpu 4 fit m.fits",
            "-q fit m.fits --cpu 4",
            "m.fits --cpu=4",
            "--maglim 1 2 --cpu 4 -- m.fits",
            "--cpu 4 --maglim 1 2 m.fits",
            "--cpu 4 --group-ids 1 2 m.fits",
        ],
    )
    def test_order_and_verb_are_free(self, line: str) -> None:
        assert call(line) == 0
        assert (seen["model"], seen["cpu"]) == (Path("m.fits"), 4)

    def test_a_flag_can_be_taken_back(self) -> None:
        assert call("m.fits --doGPU --doGPU=false") == 0
        assert seen["doGPU"] is False
        assert call("m.fits --no-resume") == 0
        assert seen["resume"] is False

    @pytest.mark.parametrize("verb", ["make_models", "make-models", "Make_Models"])
    def test_verbs_in_any_spelling(self, verb: str) -> None:
        assert call(f"{verb} -c x.sex --verbose=1") == 0
        assert (seen["config"], seen["verbose"]) == (Path("x.sex"), 1)

    def test_a_stand_alone_program(self, capsys: pytest.CaptureFixture[str]) -> None:
        code = cli.execute(app, prog="models_stars", verb="make_models", argv=["--help"])
        assert code == 0
        assert "Usage: models_stars [OPTIONS]" in capsys.readouterr().out


class TestRefusals:
    @pytest.mark.parametrize(
        ("line", "text"),
        [
            ("m.fits --cpuu 4", "no such option: --cpuu; did you mean --cpu?"),
            ("make_modles", "no such command or file: make_modles; did you mean make_models?"),
            (
                "m.fits --cpu x",
                "invalid value for '--cpu' / '-cpu': it must be a valid integer (see stars fit --help)\n",
            ),
            ("m.fits --cpu 0", "it must be greater than or equal to 1"),
            ("m.fits --level high", "'high' is not one of 'none', 'low'"),
            ("m.fits -f A 1 b", "'--filter'"),
            ("m.fits n.fits", "unexpected extra argument"),
            ("--cpu 3", "missing argument 'model'"),
            ("fail usage", "not like that"),
            ("fail parameter", "give it once"),
            ("config show fitt", "no such command: fitt; did you mean fit?"),
        ],
    )
    def test_usage_is_2_in_one_line(self, line: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(line) == 2
        err = capsys.readouterr().err
        assert text in err
        assert err.startswith("stars: error: ")
        assert err.count("\n") == 1

    def test_an_unknown_verb_without_default(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("fits", default_verb=None) == 2
        assert "no such command: fits; did you mean fit?" in capsys.readouterr().err

    def test_a_file_named_like_a_mistyped_verb_is_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("make_modles").touch()
        assert call("make_modles") == 0
        assert seen["model"] == Path("make_modles")

    @pytest.mark.parametrize(
        ("how", "code", "text"),
        [
            ("input", 4, "a.fits[1]: truncated"),
            ("missing", 4, "a.fits: no such file"),
            ("python-missing", 4, "gone.txt: No such file or directory"),
            ("memory", 4, "out of memory"),
            ("external", 5, "sex failed"),
            ("exists", 6, "b.fits: in the way"),
            ("write", 6, "b.fits: disk full"),
            ("python-full", 6, "No space left on device"),
            ("bug", 1, "unexpected ZeroDivisionError: line one line two; please report this"),
            ("interrupt", 130, "interrupted"),
        ],
    )
    def test_errors_are_one_line_and_a_code(
        self, how: str, code: int, text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert call(f"fail {how}") == code
        err = capsys.readouterr().err
        assert text in err
        assert err.count("\n") == 1
        assert "Traceback" not in err

    def test_json_of_an_early_exit_is_a_document(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("fail exit --json") == 3
        assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 3

    def test_the_code_of_typer_exit(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("fail exit") == 3
        assert capsys.readouterr().err == ""

    def test_debug_shows_the_traceback(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("fail bug --debug") == 1
        assert "Traceback" in capsys.readouterr().err

    def test_a_report_sets_the_exit_code(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("report") == 3
        assert "failed: b: bad pixels" in capsys.readouterr().out


class TestHelp:
    def test_a_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("fit --help") == 0
        out = capsys.readouterr().out
        assert "Usage: stars fit [OPTIONS]" in out
        assert "Border [px]  [default: 80]" in " ".join(out.split()).replace("[px] [", "[px]  [")
        assert "Example:\n  $ stars fit model.fits --cpu 4" in out
        assert "Not shown in the help" not in out
        assert "--filter STR FLOAT FLOAT" in out
        assert "STARS_FIT_NAME" in out

    def test_the_application_explains_its_default_verb(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("-h") == 0
        out = capsys.readouterr().out
        assert "make_models" in out
        assert "--maglim" in out

    def test_nothing_at_all_prints_the_help_on_stderr(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("", default_verb=None) == 2
        streams = capsys.readouterr()
        assert streams.out == ""
        assert "Usage: stars" in streams.err

    @pytest.mark.parametrize("line", ["--version", "fit --version", "config show --version"])
    def test_version(self, line: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(line) == 0
        assert capsys.readouterr().out == "stars 0.1.0\n"

    def test_a_commands_own_options_win_over_the_shared_ones(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("make_models --help") == 0
        out = capsys.readouterr().out
        assert "-c, --config" in out
        assert "--settings FILE.yaml" in out
        assert "The old meaning" in out


class TestOutput:
    def test_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("make_models") == 0
        out = capsys.readouterr().out
        assert out == "a line for humans\na stray line\nname  flux\na      1.5\nbb     nan\n"

    def test_json_is_one_document_and_nothing_else(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("make_models --json") == 0
        streams = capsys.readouterr()
        assert json.loads(streams.out) == [{"name": "a", "flux": 1.5}, {"name": "bb", "flux": None}]
        assert streams.err == "a stray line\n"

    def test_json_of_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("fail input --json") == 4
        document = json.loads(capsys.readouterr().out)
        assert document == {
            "error": {"exit_code": 4, "message": "a.fits[1]: truncated"},
            "results": [{"before": 1}],
        }

    def test_json_of_a_usage_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("fit --json --nonsense") == 2
        assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 2

    def test_quiet(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("make_models -q") == 0
        assert "humans" not in capsys.readouterr().out

    def test_resolved_options(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("m.fits --cpu 2 --json") == 0
        options = json.loads(capsys.readouterr().out)
        assert options["cpu"] == 2
        assert options["model"] == "m.fits"
        assert not {"token", "json", "settings", "common_json"} & set(options)

    @pytest.mark.filterwarnings("always:many lines")
    def test_warnings_go_to_the_log(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("flood --warn") == 0
        assert capsys.readouterr().err == "stars: warning: something odd\n"
        assert call("flood --warn -v") == 0
        assert "many lines" in capsys.readouterr().err


class TestSecrets:
    SECRET = "s3cr3t-Value"  # noqa: S105

    def test_a_token_is_taken_with_a_warning(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["m.fits", "-token", self.SECRET]) == 0
        token = seen["token"]
        assert isinstance(token, cli.Secret)
        assert token.reveal() == self.SECRET
        streams = capsys.readouterr()
        assert "stars: warning: a secret on the command line" in streams.err
        assert self.SECRET not in streams.out + streams.err + repr(token) + f"{token}"
        assert "token" not in streams.out

    def test_it_is_in_no_message_traceback_or_log(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        log = tmp_path / "log.txt"
        line = ["fail", "bug", f"--token={self.SECRET}", "--debug", "-vv", "--log-file", str(log)]
        assert call(line) == 1
        streams = capsys.readouterr()
        assert self.SECRET not in streams.out + streams.err + log.read_text()
        assert "the token is ***" in log.read_text()
        assert "Traceback" in log.read_text()

    def test_from_the_environment_there_is_no_warning(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("STARS_FIT_TOKEN", self.SECRET)
        assert call("m.fits") == 0
        token = seen["token"]
        assert isinstance(token, cli.Secret)
        assert token.reveal() == self.SECRET
        assert capsys.readouterr().err == ""
        assert call("config show fit") == 0
        assert self.SECRET not in capsys.readouterr().out

    def test_it_leaves_the_arguments_of_the_process(self) -> None:
        code = "import sys, cli_app\nfrom shared_io import cli\n"
        code += "cli.execute(cli_app.app, prog='stars', default_verb='fit')\nprint(sys.argv)"
        done = subprocess.run(
            [sys.executable, "-c", code, "m.fits", "-token", self.SECRET],
            capture_output=True,
            text=True,
            cwd=SCRIPT.parent,
            check=True,
        )
        assert "'-token', '***'" in done.stdout
        assert self.SECRET not in done.stdout + done.stderr

    @pytest.mark.parametrize("secret", ["1", "cpu", '"'])
    def test_json_stays_valid_whatever_the_secret(self, secret: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["m.fits", f"--token={secret}", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["margin"] == 80

    def test_a_mistyped_token_option_does_not_show_its_value(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["m.fits", f"--tokne={self.SECRET}"]) == 2
        assert self.SECRET not in capsys.readouterr().err


@pytest.mark.faults
class TestProcess:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_signals_clean_up(self, number: int, code: int, tmp_path: Path) -> None:
        path = tmp_path / "temporary"
        environment = {**os.environ, "STARS_DEFAULT_SIGINT": "1"}
        process = subprocess.Popen(
            [sys.executable, SCRIPT, "wait", path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert path.exists()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        assert process.returncode == code
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert not path.exists()

    def test_a_broken_pipe_is_quiet(self) -> None:
        process = subprocess.Popen([sys.executable, SCRIPT, "flood"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 141
        process.stderr.close()

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk_is_reported(self) -> None:
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, SCRIPT, "make_models"], stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert done.returncode == 6
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_name_that_is_no_text_can_be_printed(self) -> None:
        done = subprocess.run(
            [sys.executable.encode(), os.fsencode(SCRIPT), b"m\xff.fits"], capture_output=True, check=True
        )
        assert b"m\\udcff.fits" in done.stdout

    @pytest.mark.parametrize("words", [["fit", "--help"], ["--help"], ["--version"], ["--nonsense"]])
    def test_help_imports_nothing_heavy(self, words: list[str]) -> None:
        code = "import sys, cli_app\nfrom shared_io import cli\n"
        code += f"cli.execute(cli_app.app, prog='stars', default_verb='fit', argv={words})\n"
        code += "print(sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=SCRIPT.parent, check=True
        )
        heavy = {"numpy", "astropy", "rich", "pydantic", "pyarrow", "h5py", "yaml", "fsspec"}
        assert not heavy & set(eval(done.stderr.splitlines()[-1]))  # noqa: S307

    def test_a_log_file_that_cannot_be_opened(self, tmp_path: Path) -> None:
        assert call(["m.fits", "--log-file", str(tmp_path / "no" / "log")]) == 6


def test_names_of_the_package() -> None:
    assert list(cli.__all__) == sorted(cli.__all__)
    for name in cli.__all__:
        assert getattr(cli, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        cli.nothing  # noqa: B018


@pytest.mark.parametrize("line", ["config", "--json"])
def test_a_group_without_a_verb_prints_its_help_on_stderr(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(line, default_verb=None) == 2
    streams = capsys.readouterr()
    assert "Usage: stars" in streams.err
    assert streams.out == ""
