"""The command transformer-mlir.

Exit codes: 0 done, 1 error (wrong usage too), 2 a condition of --fail-if holds,
3 a budget was not reached (the best so far is there), 128 + its number when a
signal stopped it (130: Ctrl-C). SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse
import contextlib
import os
import signal
import sys

from . import __version__
from ._gates import KNOWN, BudgetMissed, GateFailure

EPILOG = """examples:
  transformer-mlir compress CHECKPOINT -o OUT
  echo 'a sentence' | transformer-mlir encode OUT --text - -o out.npy
  transformer-mlir compress CHECKPOINT -o OUT --preset tiny --text sentences.txt
  transformer-mlir compress CHECKPOINT -o OUT --preset static --text sentences.txt
  transformer-mlir bench OUT --against CHECKPOINT --batch 1,32 --lengths 8,128
  transformer-mlir bench OUT --profile --trace trace.json
"""


class Parser(argparse.ArgumentParser):
    def error(self, message):  # argparse exits with 2
        self.exit(1, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def positive(text):
    value = int(text) if text.isascii() and text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return value


def natural(text):
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return int(text)


def add_gates(parser):
    parser.add_argument("--fail-if", metavar="CONDITION", action="append",
                        help="exit with code 2 if it holds, such as 'spearman<0.99'; may be given several times; "
                        "metrics: " + ", ".join(KNOWN))


def factor(text):
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def share(text):
    value = factor(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a part: above 0 and at most 1")
    return value


def positive_list(text):
    return [positive(part.strip()) for part in text.split(",")]


def add_device(parser):
    parser.add_argument("--device", metavar="cpu|cuda|cuda:N",
                        help="what the artifact must have been compiled for (default: what it was, and the first GPU)")


def make_parser():
    parser = Parser(prog="transformer-mlir", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                    description="Compiles transformer checkpoints to native libraries, and runs them.")
    parser.add_argument("--version", action="version", version=f"transformer-mlir {__version__}")
    add = parser.add_subparsers(dest="command", metavar="COMMAND", required=True).add_parser

    compress = add("compress", help="compile a checkpoint directory into an artifact directory")
    compress.add_argument("checkpoint", metavar="DIR", help="config.json, model.safetensors, tokenizer files")
    compress.add_argument("-o", "--out", metavar="OUT", required=True,
                          help="missing, empty, or an older artifact, which is replaced")
    compress.add_argument("--preset", help="see 'transformer-mlir presets' (default: int8; exact is float32)")
    compress.add_argument("--quantize", choices=["i8", "i4"], help="the preset int8 or int4")
    compress.add_argument("--dtype", choices=["f32", "bf16", "f16"],
                          help="the preset exact or bf16; with --target nvptx: what activations and other weights are stored as (default: f16)")
    compress.add_argument("--profile", metavar="FILE", action="append",
                          help="for int8, small and tiny: a profile.safetensors of this checkpoint (several are added up)")
    compress.add_argument("--attention", metavar="REGEX:KIND,...",
                          help="with 8 bits and less: replace attention whose module path a regex matches first, by drop, bias, mq, "
                          "linear, mean, mq+linear, lags or auto, such as layer.5:mq")
    compress.add_argument("--attention-error", metavar="PART", type=float,
                          help="for auto: take the cheapest one that loses at most this part of the variance of its output")
    compress.add_argument("--passes", metavar="PIPELINE", help="passes before the preset rounds, such as "
                          "'transformer-factorize-svd{ratio=0.7 pivoted=true}'; those that fit go by --text or --profile (docs/compression.md)")
    compress.add_argument("--pack", choices=["none", "entropy"],
                          help="entropy: a smaller weights file, decoded when the model is loaded (default for small, tiny and static)")
    compress.add_argument("--target-cpu", default="host", metavar="LEVELS",
                          help="such as x86-64-v3, or several: avx512-vnni,x86-64-v3 (default: host)")
    compress.add_argument("--target", choices=["cpu", "nvptx"], default="cpu", help="nvptx: for NVIDIA GPUs (docs/gpu.md; default: cpu)")
    compress.add_argument("--gpu-chip", metavar="CHIPS", help="with --target nvptx: such as sm_90a, or several: sm_80,sm_90a (default: sm_80)")
    compress.add_argument("--cuda-toolkit", metavar="DIR", help="with --target nvptx: where ptxas is (default: PATH, CUDA_ROOT, CUDA_HOME, "
                          "CUDA_PATH; without it the driver compiles)")
    compress.add_argument("--fft-from", type=natural, metavar="N", help="with --target nvptx: cuFFT makes Fourier transforms of N tokens "
                          "and more; 0: of none")
    compress.add_argument("--text", metavar="FILE", nargs="+", action="extend",
                          help="sentences, one a line, UTF-8: what int8, small and tiny are calibrated on (default: "
                          "synthetic sequences) and static is fitted to")
    compress.add_argument("--epochs", type=positive, metavar="N", help="for static: passes over the text (default: 5)")
    compress.add_argument("--minutes", type=positive, metavar="N", help="for static: fit for no longer")
    compress.add_argument("--seed", type=natural, metavar="N", help="for static and --tune (default: 0)")
    compress.add_argument("--max-size", type=share, metavar="PART", help="a budget in place of a preset: of the checkpoint's bytes, "
                          "such as 0.1; the plan is made by measured curves and verified by true runs (docs/budget.md)")
    compress.add_argument("--min-speedup", type=factor, metavar="X", help="the same: times as fast as float32, 128 tokens, one thread")
    compress.add_argument("--max-loss", type=share, metavar="LOSS", help="the same: 1 - Spearman of pairs' scores, of held-out text; "
                          "of classifiers 1 - agreement; with --tune: at 0.01 a milder cut is taken")
    compress.add_argument("--dry-run", action="store_true", help="with a budget: print the plan, and compile nothing")
    compress.add_argument("--tune", type=factor, metavar="MINUTES",
                          help="with --preset turbo and --text: a harder cut, tuned so long against the original's outputs; needs torch")
    compress.add_argument("--steps", type=positive, metavar="N", help="with --tune: so many steps, in place of the minutes")
    compress.add_argument("--threads", type=positive, metavar="N", help="with --tune: of PyTorch (default: its own)")
    compress.add_argument("--quiet", action="store_true", help="print errors only")
    compress.add_argument("--no-measure", dest="measure", action="store_false",
                          help="leave times and quality out of the report, unless a condition needs them, and hold out no part of --text")

    compress.add_argument("--eval-text", metavar="FILE", action="append",
                          help="held-out sentences, one a line: measure the quality and put it into the report "
                          "(where --fail-if needs it and there is only --text: every tenth line of that)")
    add_gates(compress)

    profile = add("profile", help="measure a checkpoint's activations on your text, for compress --profile")
    profile.add_argument("checkpoint", metavar="DIR", help="config.json, model.safetensors, tokenizer files")
    profile.add_argument("--text", metavar="FILE", nargs="+", action="extend", required=True, help="sentences, one a line, UTF-8")
    profile.add_argument("-o", "--out", metavar="FILE", required=True, help="the profile.safetensors to write")
    profile.add_argument("--add", metavar="FILE", action="append", default=[],
                         help="a profile of the same checkpoint on other text, to be added up with it")
    profile.add_argument("--attention", metavar="REGEX:KIND,...", help="measure too what compress needs for the same --attention")
    profile.add_argument("--quiet", action="store_true", help="print errors only")

    tune = add("tune", help="improve an artifact against its checkpoint's outputs on your text; needs torch")
    tune.add_argument("out", metavar="OUT", help="an artifact directory, which is replaced if the tuned one is better")
    tune.add_argument("--text", metavar="FILE", nargs="+", action="extend", help="sentences, one a line, UTF-8; a tenth is held out")
    tune.add_argument("--minutes", type=factor, default=10, metavar="N", help="default: 10")
    tune.add_argument("--steps", type=positive, metavar="N", help="so many steps, in place of the minutes: can be repeated exactly")
    tune.add_argument("-o", "--output", metavar="OUT2", help="leave OUT as it is, and write here")
    tune.add_argument("--against", metavar="DIR", help="the checkpoint (default: where report.json says that it was)")
    tune.add_argument("--seed", type=natural, default=0, help="default: 0")
    tune.add_argument("--rate", type=factor, help="highest learning rate (default: by how far the artifact is off)")
    tune.add_argument("--threads", type=positive, help="of PyTorch (default: its own)")
    tune.add_argument("--quiet", action="store_true", help="print errors only")

    quality = add("quality", help="how close an artifact is to its checkpoint, on your text")
    quality.add_argument("out", metavar="OUT", help="an artifact directory")
    quality.add_argument("--against", metavar="DIR", required=True,
                         help="the checkpoint that it came from, which is compiled exactly, or another artifact")
    quality.add_argument("--text", metavar="FILE", action="append", help="one sentence a line, UTF-8; -: standard input")
    quality.add_argument("--pairs", metavar="FILE.tsv", help="query, tab, answer in each line")
    quality.add_argument("--pixels", metavar="PIXELS.npy", help="for image models: float32 [images, channels, height, width]")
    quality.add_argument("--speed", action="store_true", help="time both too: one thread, one sequence of 128 tokens")
    quality.add_argument("--json", metavar="FILE", help="write all numbers; -: print them instead of the table")
    quality.add_argument("--update-report", action="store_true", help="put the result into report.json and report.html of OUT")
    add_gates(quality)
    quality.add_argument("--seed", type=natural, default=0, help="of the draws (default: 0)")
    quality.add_argument("--threads", type=positive, help="default: one per usable CPU")

    report = add("report", help="report.html, made of the report.json of an artifact")
    report.add_argument("out", metavar="OUT", help="an artifact directory")
    report.add_argument("-o", "--output", metavar="FILE", help="default: OUT/report.html")

    encode = add("encode", help="sentence embeddings of lines of text")
    encode.add_argument("out", metavar="OUT", help="an artifact directory")
    encode.add_argument("--text", metavar="FILE", required=True, help="one sentence a line, UTF-8; -: standard input")
    encode.add_argument("-o", "--output", metavar="FILE.npy", required=True, help="float32 [lines, hidden]")
    encode.add_argument("--threads", type=positive, help="default: one per usable CPU")
    add_device(encode)

    run = add("run", help="all outputs for token ids")
    run.add_argument("out", metavar="OUT", help="an artifact directory")
    run.add_argument("--ids", metavar="IDS.npy", help="1-D: all sequences end to end; or 2-D: a row each")
    run.add_argument("--lengths", metavar="LENGTHS.npy", help="tokens of each sequence")
    run.add_argument("--types", metavar="TYPES.npy", help="token types, in the form of the ids (default: 0)")
    run.add_argument("--pixels", metavar="PIXELS.npy", help="float32 [batch, channels, height, width]")
    run.add_argument("--outputs", metavar="NAMES", help="separated by commas (default: all)")
    run.add_argument("-o", "--output", metavar="FILE.npz", required=True, help="one array per output")
    run.add_argument("--threads", type=positive, help="default: one per usable CPU")
    add_device(run)

    bench = add("bench", help="time an artifact, interleaved with PyTorch if asked, or op by op")
    bench.add_argument("out", metavar="OUT", help="an artifact directory")
    bench.add_argument("--against", metavar="CHECKPOINT", help="time this checkpoint in PyTorch float32 in the same run")
    bench.add_argument("--batch", type=positive_list, metavar="N,N", help="default: 1,32; with --profile: 1")
    bench.add_argument("--lengths", type=positive_list, metavar="N,N",
                       help="tokens per sequence (default: those of 8,32,128,256 that the model takes; with --profile: 128)")
    bench.add_argument("--text", metavar="FILE", help="time the lines of this file instead, in batches of 32 as they "
                       "come, sorted by length, and one by one")
    bench.add_argument("--threads", type=positive, default=1, help="default: 1")
    add_device(bench)
    bench.add_argument("--rounds", type=positive, default=7, help="default: 7")
    bench.add_argument("--profile", action="store_true", help="show the time of each op of the model")
    bench.add_argument("--trace", metavar="FILE", help="with --profile: write three calls as Chrome trace events, "
                       "for Perfetto (ui.perfetto.dev) or chrome://tracing")
    bench.add_argument("--json", action="store_true", help="print JSON")
    bench.add_argument("--update-report", action="store_true", help="put the result into report.json and report.html of OUT")

    inspect = add("inspect", help="operations, parameters, bytes and MACs per module")
    inspect.add_argument("directory", metavar="DIR", help="a checkpoint or an artifact")
    inspect.add_argument("--length", type=positive, default=128, metavar="N",
                         help="count the MACs of one sequence of N tokens (default: 128)")
    inspect.add_argument("--depth", type=positive, metavar="N", help="cut module names after N parts")
    inspect.add_argument("--json", action="store_true", help="print JSON")

    add("presets", help="what compress can do, with size, speed and quality")
    return parser


class Stopped(KeyboardInterrupt):
    """A signal that is treated like Ctrl-C, so that nothing half-made is left."""


def on_signal(number, _):
    raise Stopped(number)


@contextlib.contextmanager
def heeding_signals():
    """SIGTERM and SIGHUP raise Stopped, unless whoever started this had them ignored (nohup)."""
    before = {}
    with contextlib.suppress(ValueError):  # not the main thread
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sentence(problem):
    if isinstance(problem, OSError) and problem.strerror and problem.filename:  # not "[Errno 2] ..."
        return f"{os.fsdecode(problem.filename)}: {problem.strerror}"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return str(problem) or type(problem).__name__


def main(arguments=None):
    try:
        options = make_parser().parse_args(arguments)
        with heeding_signals():
            from . import _commands
            getattr(_commands, options.command)(options)
        sys.stdout.flush()
        return 0
    except BudgetMissed as missed:
        sys.stdout.flush()
        print(f"transformer-mlir: the budget was not reached: {missed}", file=sys.stderr)
        return 3
    except GateFailure as failure:
        sys.stdout.flush()
        for line in str(failure).splitlines():
            print(f"transformer-mlir: failed: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        number = stop.args[0] if isinstance(stop, Stopped) else signal.SIGINT
        with contextlib.suppress(OSError):  # of a terminal that is gone
            print(f"transformer-mlir: {'interrupted' if number == signal.SIGINT else 'stopped by ' + signal.Signals(number).name}",
                  file=sys.stderr)
        return 128 + number
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # | head
        return 0
    except (OSError, ValueError, TypeError, RuntimeError, MemoryError, ImportError) as problem:
        for line in sentence(problem).splitlines():
            print(f"transformer-mlir: error: {line}", file=sys.stderr)
        return 1
    except Exception as problem:  # a mistake of ours is no reason to show users a traceback
        if os.environ.get("TRANSFORMER_MLIR_TRACEBACK"):
            raise
        print(f"transformer-mlir: error: {options.command}: {type(problem).__name__}: {sentence(problem)}; this should not happen: "
              "please report it, with what TRANSFORMER_MLIR_TRACEBACK=1 shows", file=sys.stderr)
        return 1
