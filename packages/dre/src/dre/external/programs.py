"""Find an external program and run it, turning every way it can fail into one clear error."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared_io.errors import ExternalFailed

NAMES = {
    "SExtractor": ("source-extractor", "sex", "sextractor"),
    "PSFEx": ("psfex",),
}
"""Names under which distributions install each program; the first one found on PATH is used."""

INSTALL = {
    "SExtractor": "install it (Debian: source-extractor) or use --engine sep",
    "PSFEx": "install it (Debian: psfex) or use --engine stars",
}


@dataclass(frozen=True)
class Program:
    """An installed program.

    Parameters
    ----------
    title : str
        'SExtractor' or 'PSFEx'.
    path : pathlib.Path
        The executable.
    """

    title: str
    path: Path

    def version(self) -> str:
        """Return the version number that the program prints."""
        words = subprocess.run([self.path, "--version"], capture_output=True, text=True, timeout=60).stdout.split()
        return next((word for word in words if word[:1].isdigit()), "unknown")

    def data_folders(self) -> list[Path]:
        """Return the folders where the program's own filters and networks may lie."""
        prefix = self.path.resolve().parent.parent
        return [
            base / "share" / name
            for base in (prefix, Path("/usr"), Path("/usr/local"), Path("/opt/homebrew"))
            for name in ("source-extractor", "sextractor", "psfex")
        ]

    def run(self, arguments: Sequence[str], *, folder: Path | None = None, subject: Path) -> None:
        """Run the program and wait.

        Parameters
        ----------
        arguments : sequence of str
            Its arguments.
        folder : pathlib.Path, optional
            Working directory.
        subject : pathlib.Path
            The file being worked on, for the message.

        Raises
        ------
        ExternalFailed
            If it ends with another status than 0; the message holds its last words.
        """
        try:
            done = subprocess.run(
                [str(self.path), *arguments], cwd=folder, capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise ExternalFailed(f"{self.title} could not be started: {error}", path=subject) from error
        if done.returncode != 0:
            raise ExternalFailed(
                f"{self.title} ended with status {done.returncode}: {last_words(done.stderr or done.stdout)}",
                path=subject,
                hint="check the configuration file and the image",
            )


def find(title: str) -> Program | None:
    """Return the installed program, or None."""
    for name in NAMES[title]:
        path = shutil.which(name)
        if path:
            return Program(title, Path(path))
    return None


def require(title: str) -> Program:
    """Return the installed program; raise ExternalFailed saying how to get it if there is none."""
    program = find(title)
    if program is None:
        raise ExternalFailed(f"{title} was not found on PATH as {' or '.join(NAMES[title])}", hint=INSTALL[title])
    return program


def last_words(output: str) -> str:
    """Return the most telling line of a program's output: its last error, else its last line."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", output.replace("\r", "\n"))
    lines = [line.strip(" >") for line in plain.splitlines() if line.strip(" >")]
    errors = [k for k, line in enumerate(lines) if "error" in line.lower()]
    if errors:
        return " ".join(lines[errors[-1] : errors[-1] + 2])
    return lines[-1] if lines else "it printed nothing"
