"""Train the First Order Motion Model: ``python -m framework_training.fomm.train``.

    python -m framework_training.fomm.train RUN --clips CLIPS --stills stills.tar

RUN is a folder outside any repository: it holds the packed faces, previews and checkpoints. The
same command resumes. ``RUN/fomm.safetensors`` is what ``-o anonymizer.weights=`` takes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from framework.errors import (
    EXIT_CANNOT_RUN,
    EXIT_INTERRUPTED,
    EXIT_OK,
    ConfigError,
    UserError,
)
from framework_training.fomm.options import TrainingOptions, compact_config

PACK = "pack.safetensors"
SETTINGS = "settings.json"


def build_parser() -> argparse.ArgumentParser:
    """The command line; every field of :class:`TrainingOptions` is an option."""
    parser = argparse.ArgumentParser(
        prog="python -m framework_training.fomm.train",
        description="Train or fine-tune the face swap. The same command resumes.",
    )
    parser.add_argument("run", type=Path, help="folder of this training, outside any repository")
    parser.add_argument("--clips", type=Path, help="folder of clips, one head each")
    parser.add_argument(
        "--stills", type=Path, action="append", default=[], help="folder or tar; may be repeated"
    )
    parser.add_argument("--pack", type=Path, help="already packed material, instead of the two")
    parser.add_argument("--teacher", default="auto", help="landmarks by auto, dlib or mediapipe")
    parser.add_argument("--size", type=int, default=192, help="side of the pictures, pixels")
    parser.add_argument("--config", type=Path, help="JSON of other FommConfig fields")
    parser.add_argument("--init", type=Path, help="weights to start from (.safetensors)")
    parser.add_argument("--licence", default="", help="of the weights, written into their file")
    parser.add_argument(
        "--trained-on", action="append", default=[], help="a source, written into the file"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=0, help="of the processor; 0: all")
    parser.add_argument("--minutes", type=float, help="stop after so long, with a checkpoint")
    parser.add_argument(
        "--max-frames", type=int, default=300, help="frames used of each clip when packing"
    )
    for field in dataclasses.fields(TrainingOptions):
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=type(field.default),
            default=None,
            help=f"(default {field.default})",
        )
    return parser


def settings(arguments: argparse.Namespace) -> TrainingOptions:
    """Defaults < what the run was started with < what is given now."""
    values: dict[str, object] = {}
    saved = arguments.run / SETTINGS
    if saved.is_file():
        try:
            values = json.loads(saved.read_text())
        except ValueError as error:
            raise ConfigError(f"{saved} is no JSON ({error}): remove it or the folder") from None
    known = {field.name for field in dataclasses.fields(TrainingOptions)}
    values = {name: value for name, value in values.items() if name in known}
    for name in known:
        given = getattr(arguments, name)
        if given is not None:
            values[name] = given
    options = TrainingOptions(**values)  # type: ignore[arg-type]
    for name in ("steps", "batch", "warmup_batch", "save_every", "preview_every"):
        if getattr(options, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')} must be at least 1")
    if options.precision not in ("auto", "float32", "bfloat16"):
        raise ConfigError(f"--precision {options.precision}: choose auto, float32 or bfloat16")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    given = build_parser().parse_args(arguments)
    try:
        return _run(given)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN


def _run(given: argparse.Namespace) -> int:
    try:
        changes = json.loads(given.config.read_text()) if given.config else {}
        config = compact_config(given.size, changes)
    except (OSError, ValueError, TypeError) as error:
        where = f"--config {given.config}" if given.config else f"--size {given.size}"
        raise ConfigError(f"{where}: {error}") from None
    options = settings(given)
    _refuse_repository(given.run)
    pack = _material(given)

    from framework_training.fomm.loop import Training  # PyTorch from here on

    training = Training(
        given.run, pack, config, options, device=given.device, threads=given.threads
    )
    training.restore(given.init)
    (given.run / SETTINGS).write_text(json.dumps(dataclasses.asdict(options), indent=1))
    previous = signal.signal(signal.SIGINT, lambda *_: training.stop())
    try:
        finished = training.run(minutes=given.minutes)
    finally:
        signal.signal(signal.SIGINT, previous)
    training.export(given.licence, given.trained_on)
    if finished:
        print(f"done after {training.step} steps: {given.run / 'fomm.safetensors'}")
        return EXIT_OK
    print(f"saved at step {training.step} of {options.steps}; resume with")
    print(f"  python -m framework_training.fomm.train {given.run}" + _again(given))
    return EXIT_INTERRUPTED if training.interrupted else EXIT_OK


def _again(given: argparse.Namespace) -> str:
    """The options that a resumed run needs; the others are kept in its folder."""
    out = ""
    if given.pack:
        out += f" --pack {given.pack}"
    if given.size != 192:
        out += f" --size {given.size}"
    if given.config:
        out += f" --config {given.config}"
    return out


def _refuse_repository(run: Path) -> None:
    """Faces of people who didn't agree to be shown end up in a repository by one careless add."""
    for folder in (run.absolute(), *run.absolute().parents):
        if (folder / ".git").exists():
            raise ConfigError(f"{run} lies in the repository {folder}: choose a folder outside it")
    try:
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"can't make the folder {run}: {error.strerror}") from None


def _material(given: argparse.Namespace):  # type: ignore[no-untyped-def]
    """The packed material: given, made by an earlier start of this run, or made now."""
    from framework_training.fomm.landmarks import build_teacher
    from framework_training.fomm.media import Skipped, clip_files
    from framework_training.fomm.pack import (
        PackWriter,
        load_pack,
        pack_clips,
        pack_stills,
        save_pack,
    )

    packed = given.pack or given.run / PACK
    if packed.exists() or given.pack:
        return load_pack(packed)
    if not given.clips:
        raise ConfigError("nothing to train on: give --clips FOLDER (and --stills), or --pack FILE")
    files = clip_files(given.clips)
    teacher = build_teacher(given.teacher)
    writer, skipped = PackWriter(teacher.name), Skipped()
    used = pack_clips(files, teacher, writer, skipped, given.max_frames)
    used += pack_stills(given.stills, teacher, writer, skipped)
    for line in skipped.lines():
        print(line, file=sys.stderr)
    pack = writer.pack()
    save_pack(pack, packed)
    print(f"{len(used)} clips and stills, {len(pack)} pictures packed (teacher {teacher.name})")
    return pack


if __name__ == "__main__":
    sys.exit(main())
