"""Checkpoint to artifact, by the program transformer-compile.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import contextlib
import os
import subprocess
import sys

from . import _folders, _native
from ._calibrate import sequences_of
from ._machine import compress_on_cpu_first, gpu_arguments
from ._passes import arguments_of as passes_by, check as check_passes
from ._presets import DEFAULT, check_preset

PREFIX = "transformer-compile: "
UNFITTED = ("exact", "bf16")  # presets that no text changes
PACKS = ("none", "entropy")


class CompileError(RuntimeError):
    """The compiler's own sentences; `problems` has them as a list."""

    def __init__(self, problems):
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def check_source(source):
    path = os.fspath(source)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: no such checkpoint directory")
    if os.path.isfile(path) and not path.endswith(".mlir"):
        raise NotADirectoryError(
            f"{path}: is a file; expected a directory with config.json and model.safetensors")
    return path


def check_text(name, value):
    if not isinstance(value, str):
        raise TypeError(f"{name} is {type(value).__name__}, expected text")
    return value


def reporter(progress):
    """A function that shows one line of progress, or nothing."""
    if callable(progress):
        return progress
    if progress is None:
        progress = sys.stderr.isatty()
    return to_stderr if progress else None


def to_stderr(line):
    with contextlib.suppress(OSError):  # nobody reads it any more: the work goes on
        print(line, file=sys.stderr, flush=True)


def clean_after(child, arguments):
    """Removes what a compiler that was killed could not: hidden names beside its output, with its number in them."""
    out = os.path.realpath(arguments[arguments.index("-o") + 1]) if "-o" in arguments else ""
    start = f".{os.path.basename(out)[:200]}.tmp-{child.pid}-"
    with contextlib.suppress(OSError):
        for name in os.listdir(os.path.dirname(out)) if out else ():
            if name.startswith(start):
                _folders.remove(os.path.join(os.path.dirname(out), name))


def run_compiler(arguments, show=None):
    """Runs transformer-compile; raises CompileError with what it said."""
    command = [_native.find("transformer-compile"), *arguments]
    problems, last = [], []
    # It ends when this process does, however that happens.
    environment = {**os.environ, "TRANSFORMER_MLIR_PARENT": str(os.getpid())}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment,
                          stderr=subprocess.STDOUT, encoding="utf-8", errors="replace") as child:
        try:
            for line in child.stdout:
                line = line.rstrip("\n")
                last = (last + [line])[-20:] if line else last
                if line.startswith(PREFIX + "error: "):
                    problems.append(line[len(PREFIX + "error: "):])
                elif line and show and not line.startswith(PREFIX + "error:"):
                    show(line.removeprefix(PREFIX))
        except BaseException:  # Ctrl-C: the compiler cleans up after itself
            child.terminate()
            child.wait()
            raise
    if child.returncode < 0:
        clean_after(child, arguments)
        problems.append(f"transformer-compile was ended by signal {-child.returncode}"
                        " (9 is often a lack of memory)")
    if child.returncode:
        raise CompileError(problems or last or [f"transformer-compile failed with exit code {child.returncode}"])


FITTING = ("epochs", "minutes", "seed", "steps", "max_loss", "threads", "rate", "tune")
BUDGET = ("max_size", "min_speedup", "max_loss", "eval_text", "dry_run")


def compress(checkpoint, out, preset=None, *, profile=None, pack=None, target_cpu="host", progress=None, text=None,
             attention=None, attention_error=None, passes=None, target="cpu", gpu_chip=None, dtype=None, cuda_toolkit=None,
             fft_from=None, measure=False, wanted=(), **fitting):
    """Compiles a Hugging Face checkpoint directory into an artifact directory.

    `out` may be missing, empty, or an older artifact, which is replaced as a
    whole. `preset` is a name of PRESETS; "exact" is float32. Those that round to 8 bits and less do
    it by a profile: `profile` names its file (or several, that are added up),
    and `text` makes one, of sentences, or of files with one a line as
    pathlib.Path; without both it is made of synthetic sequences.
    `pack`: "entropy" codes the weights file in fewer bits, which `load`
    decodes (as it does without being told for "small", "tiny" and "static");
    "none" leaves weights as they are used, to be mapped.
    `target_cpu` is "host", a level such as "x86-64-v3", or several with commas
    between them, of which the best one runs that a CPU has.
    `target`: "cpu", or "nvptx" for NVIDIA GPUs (docs/gpu.md), with any preset;
    then `gpu_chip` is "sm_80", or several chips with commas between them, `dtype`
    is what activations and other weights are stored as, "f16" (the default), "bf16" or "f32",
    `cuda_toolkit` the directory of ptxas, and `fft_from` from how many tokens on
    cuFFT makes Fourier transforms.
    `attention`, with presets that round to 8 bits: what takes the place of
    attention, by a regular expression for its module path, such as
    "layer.5:mq" or "layer.[45]:auto", where auto is the cheapest one that loses
    at most the part `attention_error` of its output (docs/compression.md). `passes`: what runs before the preset
    rounds, as a pipeline in text, such as "transformer-factorize-svd{ratio=0.7 pivoted=true}"; those that fit go by the profile. "static" is
    fitted to its `text`; `epochs`, `minutes` and
    `seed` go with it (docs/static.md). `tune`, with "turbo": so many minutes of
    tuning on `text` after a harder cut; `steps`, `max_loss`, `seed` and `threads`
    go with it (docs/tuning.md). `progress`: True or
    False (default: when stderr is a terminal), or a function that takes a
    line.

    A budget in place of a preset: `max_size` (of the checkpoint's bytes, such
    as 0.1), `min_speedup` (against float32 compiled by us, one call of 128
    tokens on one thread), `max_loss` (of the rank correlation of pairs'
    scores, 1 - Spearman; of agreement for classifiers), one or more of them;
    what is not given is made as good as it gets. Loss is measured on
    `eval_text`, or on every tenth line of `text`. `dry_run`: the plan, as a
    dict. What was found out lies in `out`.search until the goal is reached;
    the report's "search" says whether it was ("met"). docs/budget.md.

    `measure`: put times of calls, and the quality, into the report: on
    `eval_text`; or on a part of `text` that is held out, every tenth line or
    fewer, 500 at most; or on synthetic input. A few seconds, and those
    of compiling the original. `eval_text` alone measures the quality; `wanted`:
    metrics that it must have.

    Returns the report that is also in `out`/report.json, and drawn in
    report.html.
    """
    given = {name: value for name, value in locals().items() if name not in ("fitting", "text", "measure", "wanted", "progress",
                                                                              "checkpoint", "out", "preset")}
    # max_loss with tune is tune's.
    tuned = fitting.get("tune") is not None and fitting.get("max_size") is None and fitting.get("min_speedup") is None
    budget = {name: fitting.pop(name) for name in BUDGET if name in fitting and not (tuned and name == "max_loss")}
    gpu = gpu_arguments(target, target_cpu, gpu_chip, dtype, cuda_toolkit, fft_from)
    if any(budget.get(name) is not None for name in BUDGET[:3]):
        if gpu:
            raise ValueError("a budget is measured on this machine's CPU: reach it with the target cpu, and compile what comes out "
                             "by transformer-compile OUT --target=nvptx")
        others = {"preset": preset, "pack": pack, "attention": attention, "attention_error": attention_error, "passes": passes, **fitting}
        for name in (name for name, value in others.items() if value is not None):
            raise ValueError(f"a budget takes the place of a preset: leave {name} out")
        budget["measure"] = measure
        from ._search import search
        return search(checkpoint, out, profile=profile, target_cpu=check_text("target_cpu", target_cpu), progress=progress,
                      text=text, **budget)
    if budget.get("dry_run"):
        raise ValueError("dry_run goes with a budget: max_size, min_speedup or max_loss")
    if measure or budget.get("eval_text") is not None:
        from ._measure import compress_and_measure
        budget.pop("dry_run", None)
        return compress_and_measure(checkpoint, out, preset, text=text, eval_text=budget.pop("eval_text", None), wanted=wanted,
                                    measure=measure, progress=progress, **given, **budget, **fitting)
    preset = DEFAULT if preset is None else preset
    check_preset(preset)
    source, made = check_source(checkpoint), os.fspath(out)
    cpu = check_text("target_cpu", target_cpu)
    if pack is not None and pack not in PACKS:
        raise ValueError(f"pack is {pack!r}; there are {' and '.join(PACKS)}")
    if attention is not None and preset in UNFITTED + ("static",):
        raise ValueError(f"attention goes with a preset that rounds to 8 bits, and {preset} is none")
    if attention_error is not None and attention is None:
        raise ValueError("attention_error goes with attention")
    if passes is not None:
        check_passes(passes)
        if preset == "static" or fitting.get("tune") is not None:
            raise ValueError("passes go before a preset that rounds: leave them out with static and tune, which choose their structure")
    if gpu and (preset == "static" or fitting.get("tune") is not None):
        coded = pack or ("none" if preset in ("int8", "int4", "turbo") else "entropy")
        return compress_on_cpu_first(
            source, made, lambda folder: compress(source, folder, preset, profile=profile, pack=pack, progress=progress, text=text,
                                                  attention=attention, attention_error=attention_error, **fitting,
                                                  **({"max_loss": budget["max_loss"]} if budget.get("max_loss") is not None else {})),
            lambda arguments: run_compiler(arguments, reporter(progress)), gpu, coded)
    if preset == "static":
        from ._static import compress_static
        if profile is not None:
            raise ValueError("the preset static takes text, not a profile")
        show = reporter(progress)
        return compress_static(source, made, text, lambda arguments: run_compiler(arguments, show),
                               target_cpu=cpu, show=show, **fitting)
    if fitting.get("tune") is not None:
        from ._tune import compress_tuned
        minutes = fitting.pop("tune")
        if "minutes" in fitting or "epochs" in fitting:
            raise ValueError("minutes and epochs go with the preset static; tune has its minutes itself")
        if profile is not None or attention is not None:
            raise ValueError("tune makes its profile and chooses its structure itself: leave profile and attention out")
        show = reporter(progress)
        return compress_tuned(source, made, preset, text, lambda arguments: run_compiler(arguments, None), pack=pack,
                              target_cpu=cpu, show=show, minutes=minutes, **fitting)
    if fitting:
        name = next(iter(fitting))
        if name not in FITTING:
            raise TypeError(f"compress() got an unexpected keyword argument {name!r}")
        raise ValueError(f"{name} goes with {'tune' if name in ('steps', 'max_loss', 'threads', 'rate') else 'the preset static'}")
    if preset in UNFITTED and passes is None and text is not None:
        raise ValueError(f"the preset {preset} fits nothing to text: leave text out")
    if profile is not None and text is not None:
        raise ValueError("text makes a profile, and profile names one that is there: give one of them")
    arguments = [source, "-o", made, *(gpu or [f"--target-cpu={cpu}"]), f"--preset={preset}"]
    if pack is not None:
        arguments.append(f"--pack={pack}")
    if attention is not None:
        arguments.append(f"--attention={check_text('attention', attention)}")
    if attention_error is not None:
        arguments.append(f"--attention-error={float(attention_error)}")
    profiles = [profile] if isinstance(profile, (str, os.PathLike)) else list(profile or [])
    show = reporter(progress)
    with sequences_of(source, text, show) as sequences, contextlib.ExitStack() as kept:
        if passes is not None:
            sequences, profiles = kept.enter_context(passes_by(passes, source, profiles, sequences, attention,
                                                               lambda arguments: run_compiler(arguments, show)))
        if passes is None or preset not in UNFITTED:
            arguments += [f"--profile={os.fspath(path)}" for path in profiles]
        run_compiler(arguments + sequences, show)
    from ._report import finish
    return finish(made, source)
