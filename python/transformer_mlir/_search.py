"""compress by a budget: plans, verified by true runs, the best so far kept.

What a search has found out lies in OUT.search (see _store) until the goal is
reached; until then the same command goes on where the last one stopped.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import hashlib
import json
import os
import pathlib

from . import _files, _folders, _latency, _plan
from ._bench import interleave, summary
from ._calibrate import profile as make_profile, sequences_of
from ._compress import compress, check_source, reporter, run_compiler
from ._plan import Corrections, Goal, Model
from ._store import Store
from ._version import __version__

ROUNDS = 5
MARGIN = 0.99  # of a goal, which the next plan aims at: measured times and losses vary
WORTH = 0.02  # by which a plan must promise to be better than what was measured
JUDGES = {"sentence": "spearman", "hidden": "spearman", "value": "spearman", "logits": "agreement"}


def check_goal(max_size, min_speedup, max_loss):
    for name, value, most in (("max_size", max_size, 1), ("min_speedup", min_speedup, 1000), ("max_loss", max_loss, 1)):
        if value is not None and not (isinstance(value, (int, float)) and 0 < value <= most):
            raise ValueError(f"{name} is {value!r}, expected a number above 0 and of at most {most}")


def loss_of(quality):
    """(1 - the metric of this kind of model, its name)."""
    name = JUDGES[quality["kind"]]
    if quality[name] is None:
        raise ValueError(f"{name} is undefined for these texts, so that no loss can be kept: give other ones")
    return 1 - quality[name], name


def key_of(source, text, held, profile, target_cpu):
    """What the findings depend on; not the goal, so that another one can go on with them."""
    from ._report import machine
    digest = hashlib.sha256(f"{__version__} {machine()['cpu']}\n".encode())
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        if os.path.isfile(path):
            digest.update(f"{name} {os.path.getsize(path)} {os.stat(path).st_mtime_ns}\n".encode())
    for texts in (text, held):
        digest.update(json.dumps(None if texts is None else _files.read_texts(texts)[0]).encode())
    for path in [profile] if isinstance(profile, (str, os.PathLike)) else profile or []:
        digest.update(pathlib.Path(path).read_bytes())
    digest.update(target_cpu.encode())
    return digest.hexdigest()


class Search:
    def __init__(self, source, out, goal, store, *, text, held, profile, target_cpu, show):
        self.source, self.out, self.wanted, self.store = source, out, goal, store
        self.held, self.target, self.show = held, target_cpu, show
        self.prepare(text, profile)

    def compiler(self, arguments):
        run_compiler(arguments, self.show)

    def prepare(self, text, profile):
        """Profile, exact model, curves, times: each once."""
        given = [profile] if isinstance(profile, (str, os.PathLike)) else profile or [
            self.store.keep("profile.safetensors", lambda path: self.measure_profile(text, path))]
        self.profiles = [f"--profile={os.fspath(path)}" for path in given]
        self.exact = self.store.keep("exact", lambda path: compress(
            self.source, path, "exact", target_cpu=self.target, progress=self.show))
        self.exact_bytes = os.path.getsize(os.path.join(self.exact, "weights.safetensors"))
        self.checkpoint_bytes = _files.read_report(self.exact)["bytes"]["checkpoint"] or self.exact_bytes
        self.curves = self.store.remember("curves", lambda: self.measure_curves(text))
        from ._report import machine
        level = _files.read_report(self.exact)["target"]["name"]
        self.latency = self.store.remember("latency", lambda: _latency.table(
            self.curves, level, machine()["cpu"], self.compile_plain, self.store.folder, self.show))
        self.exact_ms = self.store.remember("exact_ms", lambda: self.milliseconds(self.exact)[0])

    def measure_profile(self, text, path):
        self.show("profile of the activations")
        if text is None:
            self.compiler([self.source, "--emit=profile", "-o", path])
        else:
            make_profile(self.source, text, path, progress=self.show)

    def measure_curves(self, text):
        path = self.store.file("curves.json")
        self.show("curves: what smaller layers and fewer bits cost")
        with sequences_of(self.source, text) as sequences:
            self.compiler([self.source, "--emit=curves", "-o", path, *self.profiles, *sequences])
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def compile_plain(self, out, arguments):
        self.compiler([self.source, "-o", out, "--preset=int8", f"--target-cpu={self.target}", "--quiet", *self.profiles, *arguments])

    def milliseconds(self, *outs):
        """Of one call of each artifact, in turn."""
        calls = {out: _latency.call_of(out)[1] for out in outs}
        return [summary(times, 1)["median_ms"] for times in interleave(calls, 7).values()]

    # The goal in the units of plans.
    def goal(self):
        size, speedup, loss = self.wanted
        return Goal(size and size * self.checkpoint_bytes, speedup and self.exact_ms / speedup, loss)

    def aim(self):
        return Goal(*(limit and limit * MARGIN for limit in self.goal()))

    def corrections(self):
        """By the last run: what was measured against what curves and times predict."""
        numbers = self.curves["linear_numbers"] + self.curves["table_numbers"]
        fix = Corrections(other_bytes=max(0, self.exact_bytes - 4 * numbers))
        for run in self.store.state["runs"][-1:]:
            raw = Model(self.curves, self.latency)
            error, ms, size = raw.predict(raw.picks(run["sizes"]), run["bits"], run["table_bits"])
            fix = Corrections(run["loss"] / error if run["loss"] and error > 0 else fix.loss, run["ms"] / ms, run["bytes"] - size)
        return fix

    def next_plan(self):
        return _plan.best(Model(self.curves, self.latency, self.corrections()), self.aim())

    def compile_run(self, arguments):
        made = self.store.file("made")
        _folders.remove(made)  # it may be half of one
        self.compiler([self.source, "-o", made, "--preset=int8", f"--target-cpu={self.target}", *self.profiles, *arguments])
        return made

    def run(self, plan):
        """Compiles and measures a plan; the artifact takes the place of a worse one in OUT."""
        from ._quality import quality
        arguments = _plan.arguments(plan, self.curves)
        self.show("run: " + (" ".join(arguments) or "plain int8"))
        made = self.compile_run(arguments)
        measured = None
        if self.held is not None:
            measured = quality(made, self.exact, self.held, progress=self.show)
        exact, own = self.milliseconds(self.exact, made)
        run = {"sizes": list(plan.sizes), "bits": plan.bits, "table_bits": plan.table_bits, "arguments": arguments,
               "predicted": {"bytes": plan.bytes, "ms": plan.ms, "loss": plan.loss},
               "bytes": os.path.getsize(os.path.join(made, "weights.safetensors")),
               "weights_xxh3": _files.read_report(made)["weights_xxh3"], "ms": own * self.exact_ms / exact,
               "loss": loss_of(measured)[0] if measured else None, "quality": measured}
        self.store.state["runs"].append(run)
        better = self.best() is run
        if better:
            self.report(made)
        self.store.save()  # first: a model that is known and not yet in OUT is found again, one in OUT is not
        if better:
            self.place(made)
        return run

    def missed(self, run):
        """Sentences, one for each goal that is not met."""
        words = []
        size, speedup, loss = self.wanted
        if size and run["bytes"] > size * self.checkpoint_bytes:
            words.append(f"size is {run['bytes'] / self.checkpoint_bytes:.4f} of the checkpoint, above {size:g}")
        if speedup and self.exact_ms / run["ms"] < speedup:
            words.append(f"speedup is {self.exact_ms / run['ms']:.3f}, below {speedup:g}")
        if loss and run["loss"] is not None and run["loss"] > loss:
            words.append(f"loss is {run['loss']:.5f}, above {loss:g}")
        return words

    def rank(self, run):
        goal = self.goal()
        missed = sum(max(0.0, (run[name] or 0) / limit - 1) for name, limit in goal._asdict().items() if limit)
        return (len(self.missed(run)) > 0, missed, run[_plan.free_part(goal)] or 0)

    def best(self):
        return min(self.store.state["runs"], key=self.rank, default=None)

    def place(self, made):
        """`made` becomes OUT."""
        _folders.replace(made, self.out)

    def is_best(self, folder):
        try:
            return _files.read_report(folder)["weights_xxh3"] == self.best()["weights_xxh3"]
        except (OSError, ValueError, KeyError):
            return False

    def recover(self):
        """What a search that was killed has made and not put into OUT any more."""
        made = self.store.file("made")
        _folders.recover(made, os.path.realpath(self.out))
        if self.best() and not self.is_best(self.out) and self.is_best(made):
            self.place(made)

    def restore(self):
        """The best model into OUT, if somebody took it away or put another one there."""
        if not self.is_best(self.out):
            self.show("run: the best one again, which is no longer in " + self.out)
            self.place(self.compile_run(self.best()["arguments"]))

    def report(self, folder):
        """What the search knows, into the report of the best model, which is in `folder`."""
        from . import _report
        best, runs = self.best(), self.store.state["runs"]
        _report.finish(folder, self.source)
        front = [{"name": f"run {number}", "plan": _plan.words(run["arguments"]), "bytes": run["bytes"], "ms": run["ms"], "macs": None,
                  "loss": run["loss"], "chosen": run is best} for number, run in enumerate(runs, 1)]
        search = {"max_size": self.wanted.bytes, "min_speedup": self.wanted.ms, "max_loss": self.wanted.loss,
                  "met": not self.missed(best), "missed": self.missed(best), "runs": len(runs), "latency": self.latency,
                  "size": best["bytes"] / self.checkpoint_bytes, "speedup": self.exact_ms / best["ms"], "loss": best["loss"]}
        parts = {"front": front, "search": search}
        if best["quality"]:
            parts["quality"] = {**best["quality"], "out": os.path.abspath(self.out), "against": self.source}
        return _report.update(folder, **parts)

    def describe(self, plan):
        """Lines that say what a plan does and what it is expected to give."""
        yield f"{'site':<48} {'size':>6} {'keeps':>6}"
        for site, size in zip(self.curves["sites"], plan.sizes):
            if size < site["size"]:
                yield f"{site['path'] + ' ' + site['kind']:<48} {site['size']:>6} {size:>6}"
        bits = f"{plan.bits:g} bits" if plan.bits else "8 bits, not coded"
        tables = f"{plan.table_bits:g} bits" if plan.table_bits else "8 bits"
        yield f"linears in {bits}, tables in {tables}"
        yield (f"expected: {plan.bytes / self.checkpoint_bytes:.4f} of the checkpoint's size, "
               f"{self.exact_ms / plan.ms:.2f} times as fast as float32, loss {plan.loss:.4f}")

    def is_worth(self, plan):
        """Whether a run of it could beat the best one so far."""
        best, free = self.best(), _plan.free_part(self.goal())
        if any((run["sizes"], run["bits"], run["table_bits"]) == (list(plan.sizes), plan.bits, plan.table_bits)
               for run in self.store.state["runs"]):
            return False
        return best is None or self.missed(best) or (best[free] is not None and getattr(plan, free) < (1 - WORTH) * best[free])

    def go(self, measure):
        self.recover()
        for _ in range(ROUNDS):
            plan = self.next_plan()
            if not self.is_worth(plan):
                break
            for line in self.describe(plan):
                self.show(line)
            self.run(plan)
        self.restore()
        report = self.report(self.out)
        if measure:
            from . import _report
            from ._measure import times
            report = _report.update(self.out, latency=times(self.out, self.exact))
        if report["search"]["met"]:
            self.store.remove()
        return report


def search(checkpoint, out, *, max_size=None, min_speedup=None, max_loss=None, dry_run=False, text=None, eval_text=None,
           profile=None, target_cpu="host", progress=None, measure=False):
    """See compress. With `dry_run` a dict: what the plan is and what it is expected to give."""
    check_goal(max_size, min_speedup, max_loss)
    out = os.fspath(out)
    _files.check_target(out)
    if text is not None and profile is not None:
        raise ValueError("text makes a profile, and profile names one that is there: give one of them, and eval_text to judge by")
    if eval_text is None and text is not None:
        lines, _ = _files.read_texts(text)
        text, eval_text = _files.hold_out(lines)
    if max_loss is not None and eval_text is None:
        raise ValueError("max_loss is measured on text that the model is not fitted to: give text, of which every "
                         f"{_files.HELD_OUT}th line is held out, or eval_text")
    source, show = check_source(checkpoint), reporter(progress) or (lambda line: None)
    with Store(out, key_of(source, text, eval_text, profile, target_cpu), show) as store:
        found = Search(source, out, Goal(max_size, min_speedup, max_loss), store, text=text, held=eval_text, profile=profile,
                       target_cpu=target_cpu, show=show)
        if not dry_run:
            return found.go(measure)
        plan = found.next_plan()
        return {"lines": list(found.describe(plan)), "arguments": _plan.arguments(plan, found.curves),
                "size": plan.bytes / found.checkpoint_bytes, "speedup": found.exact_ms / plan.ms, "loss": plan.loss}
