"""The training loop: pairs in, steps, averages, checkpoints and previews out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from framework_fomm.inference import choose_device, native_bfloat16
from framework_fomm.model import Fomm, FommConfig, Keypoints
from torch import Tensor

from framework.errors import ConfigError, MediaError
from framework_training.fomm import checkpoint, losses
from framework_training.fomm.fit import fit_into
from framework_training.fomm.options import TrainingOptions, learning_rate, teacher_weight
from framework_training.fomm.pack import Pack
from framework_training.fomm.pairs import Batch, Mix, PairSampler, Portraits
from framework_training.fomm.preview import sheet, to_tensor, write_sheet

WEIGHTS = "fomm.safetensors"
LICENCE = "not stated: as the material allows"
FAILED_SAVES = 3
"""A disk may be full for a moment; after so many failed checkpoints in a row, training ends."""
CLIP_GRADIENT = 10.0
TURN = 2.0
"""Weight of the jacobians beside the distance of the keypoints from the landmarks."""
GUIDE_NOISE = 0.006
"""Standard deviation added to guiding landmarks, in half pictures."""
TRUST = 3.0
"""Occlusion logit at the start of a blending network: the warped source is shown as it is."""
ENTROPY = 0.2
"""Weight of the heatmaps' shape beside the distance of their means from the landmarks."""


@torch.no_grad()
def begin_as_warp(model: Fomm) -> None:
    """Start a network with mask prior and blending as a plain warp.

    Each place follows the keypoints near it, and the warped source is shown. That animates already,
    so that learning is about the rest.
    """
    motion, config = model.generator.dense_motion_network, model.config
    if config.mask_prior_sigma > 0:
        motion.mask.weight.zero_()
        if motion.mask.bias is not None:
            motion.mask.bias.zero_()
    if config.blend_output:
        motion.occlusion.weight.zero_()
        if motion.occlusion.bias is not None:
            motion.occlusion.bias.fill_(TRUST)


class Training:
    """One run in one folder."""

    def __init__(
        self,
        folder: Path,
        pack: Pack,
        config: FommConfig,
        options: TrainingOptions,
        device: str = "auto",
        threads: int = 0,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        try:
            self.device = choose_device(device)
        except RuntimeError as error:
            raise ConfigError(f"--device {device}: {error}") from None
        self.folder, self.config, self.options = folder, config, options
        self.teacher = pack.teacher
        self.sampler = PairSampler(pack, config.image_size, Mix(), options.seed)
        torch.manual_seed(options.seed)
        self.model = Fomm(config).to(self.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        begin_as_warp(self.model)
        self.average = checkpoint.Average(self.model, options.average_decay)
        self.optimizer = torch.optim.Adam(self.model.parameters(), betas=(0.5, 0.999))
        self.judge: losses.PatchDiscriminator | None = None
        self.judge_optimizer: torch.optim.Adam | None = None
        if options.adversarial_weight > 0:
            self.judge = losses.PatchDiscriminator().to(self.device)
            self.judge_optimizer = torch.optim.Adam(self.judge.parameters(), betas=(0.5, 0.999))
        self.perceptual: losses.Perceptual | None = None
        if options.perceptual_weight > 0:
            self.perceptual = losses.Perceptual().to(self.device)
        wanted = options.precision
        if wanted == "auto":
            wanted = "bfloat16" if native_bfloat16(self.device) else "float32"
        self.autocast = wanted == "bfloat16"
        self.step, self.seconds, self.interrupted = 0, 0.0, False
        self._stop, self._failed_saves = False, 0
        self._sums: dict[str, list[float]] = {}

    # --- from outside ---

    def stop(self) -> None:
        """Finish the step under way, save, and return from :meth:`run`."""
        self._stop = self.interrupted = True

    def restore(self, init: Path | None = None) -> None:
        """Go on from the folder's checkpoint, else start from ``init``, else from scratch."""
        found = checkpoint.load(self.folder, self.config)
        if found is None:
            complete = False
            if init:
                state, complete = checkpoint.start_from(init, self.config)
                self.model.load_state_dict({**self.model.state_dict(), **state})
            if not complete:
                fit_into(self.model, self.sampler.pack, self.options.seed)
            self.average = checkpoint.Average(self.model, self.options.average_decay)
            return
        self.step, self.seconds = found.step, found.seconds
        self.model.load_state_dict(found.model)
        self.average.updates = found.average_updates
        for name, value in found.average.items():
            self.average.state[name].copy_(value)
        self.optimizer.load_state_dict(found.optimizer)
        if self.judge and self.judge_optimizer and found.judge and found.judge_optimizer:
            self.judge.load_state_dict(found.judge)
            self.judge_optimizer.load_state_dict(found.judge_optimizer)

    def run(self, minutes: float | None = None) -> bool:
        """Train to the last step; False if it was stopped before (by time or by :meth:`stop`)."""
        started = time.monotonic()
        before = self.seconds
        for step, work in self._prefetched():
            if isinstance(work, Batch):
                self._learn(step, work)
            else:
                self._warm_up(step, work)
            self.average.update(self.model)
            self.step = step + 1
            self.seconds = before + time.monotonic() - started
            if self.step % 50 == 0:
                self._report()
            late = minutes is not None and time.monotonic() - started > 60 * minutes
            if self._stop or late:
                self.save(last=True)
                return False
            if self.step % self.options.save_every == 0:
                self.save()
            if self.step % self.options.preview_every == 0:
                self.preview()
        self.save(last=True)
        self.preview()
        return True

    def save(self, last: bool = False) -> None:
        """Write the checkpoint; a disk that is full now may have room at the next."""
        progress = checkpoint.Progress(
            step=self.step,
            seconds=self.seconds,
            model=self.model.state_dict(),
            average=self.average.state,
            average_updates=self.average.updates,
            optimizer=self.optimizer.state_dict(),
            judge=self.judge.state_dict() if self.judge else None,
            judge_optimizer=self.judge_optimizer.state_dict() if self.judge_optimizer else None,
        )
        try:
            checkpoint.save(self.folder, self.config, progress)
            self._failed_saves = 0
        except MediaError as error:
            self._failed_saves += 1
            if last or self._failed_saves >= FAILED_SAVES:
                raise
            print(f"warning: {error}", flush=True)

    def averaged(self) -> Fomm:
        """A copy of the network with the averaged weights, for evaluation."""
        model = Fomm(self.config).to(self.device)
        model.load_state_dict(self.average.state)
        return model.eval()

    def export(self, licence: str = "", trained_on: Sequence[str] = ()) -> Path:
        """Write the averaged weights as float16 safetensors."""
        from framework_fomm.weights import save_model

        path = self.folder / WEIGHTS
        try:
            save_model(
                self.averaged(),
                path,
                licence=licence or LICENCE,
                trained_on=[*trained_on, f"({self.step} steps, landmark teacher {self.teacher})"],
            )
        except OSError as error:
            path.with_name(path.name + ".part").unlink(missing_ok=True)
            raise MediaError(f"can't write {path}: {error.strerror or error}") from None
        return path

    def preview(self) -> None:
        """A contact sheet of eight fixed pairs."""
        batch = self.sampler.batch(2**31, 8)
        picture = sheet(self.averaged(), batch, self.device)
        with contextlib.suppress(OSError):  # a picture less is no reason to end a training
            write_sheet(picture, self.folder / "previews" / f"{self.step:07d}.png")

    # --- one step ---

    def _warm_up(self, step: int, portraits: Portraits) -> None:
        """The keypoint detector alone learns where the landmarks are and how the head leans."""
        self._set_rate(step)
        self.model.train()
        target = torch.from_numpy(portraits.points).to(self.device)
        with self._precision():
            picture = to_tensor(portraits.picture, self.device)
            features, heat = self.model.kp_detector.heatmaps(picture)
            found = self.model.kp_detector.pool(features, heat)
        distance = losses.taught(found.value, target)
        entropy = losses.heatmap_entropy(heat, target)
        turn = losses.taught_turn(found.jacobian, torch.from_numpy(portraits.turn).to(self.device))
        self._descend(distance + ENTROPY * entropy + TURN * turn)
        self._note(taught=distance, entropy=entropy, turn=turn)

    def _learn(self, step: int, batch: Batch) -> None:
        options = self.options
        self._set_rate(step)
        self.model.train()
        source, driving = (
            to_tensor(batch.source, self.device),
            to_tensor(batch.driving, self.device),
        )
        weight = torch.from_numpy(batch.weight).to(self.device)[:, None].float() / 25.5
        targets = [
            torch.from_numpy(points).to(self.device)
            for points in (batch.source_points, batch.driving_points)
        ]
        turns = [
            torch.from_numpy(turn).to(self.device)
            for turn in (batch.source_turn, batch.driving_turn)
        ]
        n = len(source)
        after = step - options.warmup_steps
        terms: dict[str, Tensor] = {}
        if after < options.guided_steps:
            kp_source, kp_driving = (self._guide(targets[i], turns[i], i) for i in (0, 1))
        else:
            with self._precision():
                # both pictures in one go: batch norm then sees the same statistics for both
                features, heat = self.model.kp_detector.heatmaps(torch.cat([source, driving]))
                both = self.model.kp_detector.pool(features, heat)
            kp_source, kp_driving = both[:n], both[n:]
            distance = losses.taught(both.value, torch.cat(targets))
            entropy = losses.heatmap_entropy(heat, torch.cat(targets))
            turn = losses.taught_turn(both.jacobian, torch.cat(turns))
            terms["taught"] = teacher_weight(options, step) * (
                distance + ENTROPY * entropy + TURN * turn
            )
            warped = torch.from_numpy(batch.warped).to(self.device)
            known = torch.from_numpy(batch.jacobian).to(self.device)
            shift, stretch = losses.equivariance(
                kp_source, kp_driving, targets[0], targets[1], warped, known
            )
            terms["equivariance"] = options.equivariance_weight * (10 * shift + stretch)
            self._note(distance=distance, turn=turn)
        with self._precision():
            animation = self.model.generator(source, kp_source, kp_driving)
        made = animation.image.float()
        hidden = torch.from_numpy(batch.hidden).to(self.device)[:, None].float() / 255
        terms["hidden"] = options.hidden_weight * losses.hidden_places(
            animation.motion.occlusion, hidden
        )
        terms["l1"] = 10 * losses.weighted_l1(made, driving, weight)
        if self.perceptual is not None and after >= options.perceptual_from:
            window = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
            part = losses.random_window((made, driving, weight), 0.5, window)
            with self._precision():
                terms["perceptual"] = options.perceptual_weight * self.perceptual(*part)
        judged = self.judge is not None and after >= options.adversarial_from
        if self.judge is not None and judged:
            verdict, matching = losses.adversarial_loss(self.judge, driving, made)
            terms["adversarial"] = options.adversarial_weight * (verdict + 10 * matching)
        self._descend(torch.stack(list(terms.values())).sum())
        if self.judge is not None and self.judge_optimizer is not None and judged:
            self.judge_optimizer.zero_grad(set_to_none=True)
            judgement = losses.discriminator_loss(self.judge, driving, made)
            judgement.backward()  # type: ignore[no-untyped-call]
            self.judge_optimizer.step()
        self._note(**terms)

    def _guide(self, points: Tensor, turn: Tensor, which: int) -> Keypoints:
        """The taught places and turns as keypoints, off by as much as a good detector is.

        A place that the teacher doesn't know (irises) becomes the middle of the face.
        """
        k = self.config.num_kp
        known = torch.isfinite(points)
        middle = torch.where(known, points, 0.0).sum(1, keepdim=True) / known.sum(1, keepdim=True)
        value = torch.where(known, points, middle)
        value = torch.cat([value, middle.expand(-1, max(0, k - value.shape[1]), -1)], 1)[:, :k]
        generator = torch.Generator(device="cpu").manual_seed(
            2 * (self.options.seed + self.step) + which
        )
        noise = torch.randn(value.shape, generator=generator).to(value.device)
        jacobian = turn[:, None].expand(-1, k, 2, 2).contiguous()
        return Keypoints(value + GUIDE_NOISE * noise, jacobian)

    def _descend(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_GRADIENT)
        if torch.isfinite(norm):  # one odd batch must not spoil hours
            self.optimizer.step()
        else:
            self._note(skipped=torch.ones(()))

    def _set_rate(self, step: int) -> None:
        rate = learning_rate(self.options, step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.judge_optimizer:
            for group in self.judge_optimizer.param_groups:
                group["lr"] = rate

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast)

    def _prefetched(self) -> Iterator[tuple[int, Batch | Portraits]]:
        """The work of every step that is left, prepared in a thread while the last one runs."""

        def prepare(step: int) -> Batch | Portraits:
            if step < self.options.warmup_steps:
                return self.sampler.portraits(step, self.options.warmup_batch)
            return self.sampler.batch(step, self.options.batch)

        if self.step >= self.options.steps:
            return
        with ThreadPoolExecutor(2) as pool:
            waiting: list[Future[Batch | Portraits]] = []
            ahead = self.step
            for step in range(self.step, self.options.steps):
                while ahead < min(step + 4, self.options.steps):
                    waiting.append(pool.submit(prepare, ahead))
                    ahead += 1
                yield step, waiting.pop(0).result()

    def _note(self, **terms: Tensor) -> None:
        for name, value in terms.items():
            self._sums.setdefault(name, []).append(float(value.detach()))

    def _report(self) -> None:
        parts = [f"{name} {np.mean(values):.4f}" for name, values in self._sums.items()]
        self._sums.clear()
        print(f"step {self.step} ({self.seconds / 60:.1f} min) " + "  ".join(parts), flush=True)
