"""Options of ``fomm``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

EMBEDDED = "embedded"


class FommOptions(BaseModel):
    """Options of the swap."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: Literal["scene", "crop"] = Field(
        default="scene",
        description="scene: the donor's head in place of the person's; crop: the animated "
        "portraits alone, side by side on an even background, at the size of the recording.",
    )
    label: bool = Field(
        default=True,
        description="Write 'synthetic media' into a corner of every picture.",
    )
    method: Literal["expression", "network"] = Field(
        default="expression",
        description="What moves the donor. expression: ours, to the expression that is measured, "
        "which also works on stills and keeps an expression that lasts; network: the published "
        "one, by the difference to the person at rest. Weights of your own are always the "
        "network's.",
    )
    weights: str = Field(
        default=EMBEDDED,
        min_length=1,
        description="'embedded', or a file: our .safetensors, or a checkpoint of the published "
        "implementation in the vox-256 configuration (vox-cpk.pth.tar).",
    )
    align_corners: bool | None = Field(
        default=None,
        description="For published checkpoints: sample as old PyTorch did (true) or as the default "
        "of today does (false). Unset takes what the file says, true for a published checkpoint.",
    )
    donors: Literal["embedded", "user", "all"] = Field(
        default="embedded",
        description="Which donors may be chosen: those that ship, those added with 'framework "
        "donors add', or both.",
    )
    donor_folder: str = Field(
        default="",
        description="Folder of the donors that were added. Empty: the environment variable "
        "FRAMEWORK_DONORS, or the folder for data of this user.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Number format of the convolutions. auto: bfloat16 where the processor has it.",
    )
    batch: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Heads that go through the network together. Unit: heads.",
    )
    margin: float = Field(
        default=0.25,
        ge=0.25,
        le=1.0,
        description="How far beyond the face the original picture is covered before the donor is "
        "put there, as a share of the face's longer side; more above, for the hair. Unit: none.",
    )
    hair: Literal["find", "shoulders", "head"] = Field(
        default="find",
        description="What is covered besides the head. find: hair beside and above it, as far as "
        "it is found by its colour; shoulders: both sides down to the shoulders, for everybody; "
        "head: nothing else, long hair stays visible.",
    )
    background: Literal["plate", "smooth"] = Field(
        default="plate",
        description="What is put behind the donor. plate: in recordings, what the same place shows "
        "in other frames while nobody's head covers it, if the camera stands still, and smooth "
        "where that isn't known; smooth: the colours around the head, run into each other. Live "
        "streams are always smooth.",
    )
    expression: float = Field(
        default=1.0,
        ge=0.3,
        le=3.0,
        description="How strongly the face's own movement is carried over; the head's isn't "
        "affected. Not for published checkpoints, which don't tell the two apart. Unit: none.",
    )
    motion: Literal["full", "normalised", "coarse"] = Field(
        default="full",
        description="How much of the manner of moving passes. full: all that is measured; "
        "normalised: the expression alone, its strength brought to that of most people and its "
        "timing shifted by up to 0.2 s; coarse: besides, in steps of a fifth of a second and of a "
        "quarter of each coefficient. Only with method=expression; the head moves as it does.",
    )
    draw_mouth: bool = Field(
        default=True,
        description="Draw the inside of an open mouth: donors have closed lips. Not for published "
        "checkpoints, which paint it.",
    )
    steadiness_s: float = Field(
        default=0.05,
        ge=0.0,
        le=1.0,
        description="Recordings: standard deviation of the filter over time that takes the jitter "
        "out of the head's motion, without lag; the face's own filter is 2.5 times as short. "
        "Unit: seconds.",
    )
    smoothing: float = Field(
        default=1.5,
        ge=0.1,
        le=30.0,
        description="Live streams: cut-off of the One Euro filter for a head at rest; lower "
        "removes more jitter, higher follows faster. The face's own is 2.5 times as high. "
        "Unit: Hz.",
    )
    responsiveness: float = Field(
        default=12.0,
        ge=0.0,
        le=100.0,
        description="Live streams: how much the cut-off rises with a keypoint's speed, so that "
        "blinks and speech pass. Unit: Hz for a speed of one picture half-width a second.",
    )
    max_yaw_deg: float = Field(
        default=40.0,
        ge=5.0,
        le=90.0,
        description="A head turned further to the side is masked. Unit: degrees.",
    )
    max_pitch_deg: float = Field(
        default=60.0,
        ge=5.0,
        le=90.0,
        description="A head bent further up or down is masked. Coarse: an open mouth looks like "
        "a nod to five landmarks. Unit: degrees.",
    )
    max_roll_deg: float = Field(
        default=45.0,
        ge=5.0,
        le=180.0,
        description="A head that leans further to one shoulder is masked. Unit: degrees.",
    )
    min_face_px: float = Field(
        default=32.0,
        ge=8.0,
        le=1000.0,
        description="A face less tall than this is masked: its expression can't be read. "
        "Unit: pixels.",
    )
    fade_s: float = Field(
        default=0.2,
        ge=0.0,
        le=2.0,
        description="How long the change between swap and mask takes. Unit: seconds.",
    )
