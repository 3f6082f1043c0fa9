"""``framework release``: build, check, withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from framework.cli.console import progress_bars, say, warner
from framework.cli.options import DetectorName, Device, Quiet, Threads
from framework.errors import ConfigError

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

Study = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")]
Out = Annotated[
    Path,
    typer.Option(
        "--out", "-d", metavar="DIR", help="The release; new, empty, or an earlier build of it."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="[STUDY/release.yaml]"),
]


@app.callback()
def release() -> None:
    """Turn a study into a data set that others may have."""


@app.command("build")
def build(
    study: Study,
    out: Out,
    config: Config = None,
    detector: DetectorName = None,
    threads: Threads = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Build the release of a study: what has consent, passed its checks and is approved.

    Recordings that were not yet verified against their originals are verified now.

    Exit status: 0 it was built, 1 nothing may be released, 2 it could not be built.
    """
    _build(study, out, config, detector, threads, device, quiet)


@app.command("withdraw")
def withdraw(
    study: Study,
    ids: Annotated[
        list[str],
        typer.Argument(metavar="ID...", help="Encounter, person, or participant (sub-...)."),
    ],
    out: Out,
    config: Config = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Kept in the study alone.")
    ] = "",
    detector: DetectorName = None,
    threads: Threads = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Take people out, and build the next version without them.

    Every encounter of a person goes. CHANGES says that somebody withdrew, and never who.
    """
    from framework_release.study import read_study
    from framework_release.withdrawals import withdraw as take_out

    gone = take_out(read_study(study), ids, reason)
    if not quiet:
        say(f"withdrawn: {', '.join(gone)}")
    _build(study, out, config, detector, threads, device, quiet)
    if not quiet:
        say(
            f"their results stay in {study}; delete them there if the consent asks for it, replace "
            f"the published version, and tell whoever has the earlier one to destroy it"
        )


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A release, from anybody.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-d", metavar="FILE", help="The verdict as a page, and as .json."),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            "--skip", metavar="NAME", help="credentials, watermarks or validator. Repeatable."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Is this release whole, well formed and safe to use? Needs no original.

    Exit status: 0 every check passed, 1 one failed (it says which file), 2 it could not be checked.
    """
    from framework_release.check.run import check_release, write_page

    if out is not None and out.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"--out {out}: it would change the release; write it elsewhere")
    with progress_bars(quiet) as progress:
        found = check_release(folder, skip=skip or (), progress=progress)
    words = {True: "passed", False: "FAILED", None: "not checked"}
    if not quiet:
        for f in found.findings:
            say(f"{words[f.passed]}  {f.name}: {f.detail}")
        say(f"version {found.version}: " + ("passed" if found.passed else "did not pass"))
        if found.unchecked:
            say(f"must be checked and was not (or give --skip): {', '.join(found.unchecked)}")
    if out is not None:
        for file in write_page(found, out):
            if not quiet:
                say(f"wrote {file}")
    if found.status:
        raise typer.Exit(found.status)


def _build(
    study: Path,
    out: Path,
    config: Path | None,
    detector: str | None,
    threads: int | None,
    device: Any,
    quiet: bool,
) -> None:
    from framework_release.build import build_release
    from framework_release.config import load_release_config

    settings = {"detector": detector, "threads": threads, "device": device}
    with progress_bars(quiet) as progress:
        made = build_release(
            study,
            out,
            load_release_config(config or study / "release.yaml"),
            settings={k: v for k, v in settings.items() if v is not None},
            warn=warner(quiet),
            progress=progress,
        )
    if not quiet:
        for line in made.summary:
            say(line)
