"""What this package offers. Light: the modules named here are imported when they are used."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import CommandSpec, ComponentSpec

HERE = "framework_benchmark"


def _spec(name: str, summary: str, factory: str) -> ComponentSpec:
    options = f"{HERE}.attacks.component:NoOptions"
    return ComponentSpec(name, summary, f"{HERE}.{factory}", options, licence="MIT")


@hookimpl
def framework_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        "benchmark",
        "Compare anonymizers: what protects against which attacker, at what cost",
        "framework_benchmark.command:app",
    )


@hookimpl
def framework_attacks() -> Iterable[ComponentSpec]:
    for name, summary, module in (
        ("t0", "naive: compares with clear images", "t0_naive"),
        ("t1", "informed: compares with images covered in the same way", "t1_informed"),
        ("t2", "retrained: learns from covered faces of other people", "t2_retrained"),
        ("t3", "reversal: learns to undo the cover, and deconvolves", "t3_reversal"),
        ("t4", "track: pools every frame of a clip", "t4_track"),
        ("t5", "motion: landmark and pose curves alone", "t5_motion"),
    ):
        yield _spec(name, summary, f"attacks.{module}:build")


@hookimpl
def framework_metrics() -> Iterable[ComponentSpec]:
    for name, summary in (
        ("detection", "share of faces that a detector still finds"),
        ("landmarks", "distance of the five landmarks from where they were"),
        ("pose", "error of yaw, pitch and roll"),
        ("flow-warp", "flicker inside the face, compared with the original"),
        ("jerk", "jerkiness of the landmarks, compared with the original"),
    ):
        yield _spec(name, summary, f"metrics.frames:{name.replace('-', '_')}")


@hookimpl
def framework_data_sources() -> Iterable[ComponentSpec]:
    for name, summary, factory in (
        ("synthetic", "synthetic[:persons=6,clips=2,seconds=3]: made here", "synthetic_set"),
        ("lfw", "lfw:DIR or lfw:sklearn: Labeled Faces in the Wild", "lfw"),
        ("stills", "stills:DIR: images, DIR/PERSON/*.jpg", "stills"),
        ("clips", "clips:DIR: recordings, DIR/PERSON/*.mp4", "clips"),
        ("labelled", "labelled:FILE.npz|FILE.csv|DIR: expressions with labels", "labelled"),
        ("manifest", "manifest:FILE.csv: columns file, person, optionally label...", "manifest"),
    ):
        yield _spec(name, summary, f"data.components:{factory}")
