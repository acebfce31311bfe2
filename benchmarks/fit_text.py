#!/usr/bin/env python3
"""200,000 texts to fit the preset static to, of which a fifth are near the text that text.py judges by.

    benchmarks/fit_text.py DIR [--cache DIR]

reads heldout.txt and pairs.tsv of DIR, as text.py has written them, and writes beside them

    fit.txt         what of FOLDOC, the Jargon File and V.E.R.A. is not judged by: sentences, and headwords as texts of
                    their own; manual pages, GCIDE (a dictionary), titles of packages, fortunes, Debian policy
    unseen.tsv      1,000 more headwords of FOLDOC and V.E.R.A. with definitions, to choose settings by
    wordnet.tsv     2,000 words of WordNet with glosses: another domain

No text of fit.txt is a headword of the pairs, or shares six words in a row with a text that is judged by. It takes
what is installed: manual pages, the packages dict-gcide and dict-wn, and apt's lists of packages.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse
import pathlib
import random
import re
import subprocess

import text as own

RUN = 6  # words in a row that no text may share with one that is judged by
UNSEEN, GLOSSES = 1000, 2000
COUNTS = {"manuals": 58000, "gcide": 52000, "packages": 30000, "fortunes": 13000, "policy": 3000}  # near text: all
DICTIONARIES = pathlib.Path("/usr/share/dictd")


def runs(text):
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [tuple(words[i:i + RUN]) for i in range(len(words) - RUN + 1)]


def manuals():
    for section in range(1, 9):
        for page in sorted(pathlib.Path(f"/usr/share/man/man{section}").glob("*.gz")):
            try:
                source = own.read(page)
            except OSError:  # a link to a page that is not installed
                continue
            for paragraph in own.manual_paragraphs(source):
                yield from own.sentences(paragraph)


def gcide():
    for paragraph in re.split(r"\n\s*\n", own.read(DICTIONARIES / "gcide.dict.dz")):
        yield from own.sentences(re.sub(r"\[[^]]*\]|\{|\}", "", paragraph))


def packages():
    """The titles that Debian's packages have."""
    lists = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    return [found.group(1) for found in re.finditer(r"^Description: (.*?)$", lists, re.M)]


def glosses():
    """(word, the gloss of its first sense) of WordNet, where the gloss does not contain the word."""
    for entry in re.split(r"\n(?=\S)", own.read(DICTIONARIES / "wn.dict.dz")):
        head = entry.split("\n")[0].strip()
        sense = re.search(r"\n\s+(?:n|v|adj|adv)\s*(?:1)?\s*:\s*(.*?)(?=\n\s+\d+:|\n\s+(?:n|v|adj|adv)\s|\Z)", entry, re.S)
        if sense and re.fullmatch(r"[a-zA-Z' -]{3,30}", head):
            gloss = re.split(r'; "|\[(?:syn|ant)', " ".join(sense.group(1).split()))[0].strip(" ;")
            if len(gloss.split()) >= 4 and head.lower() not in gloss.lower():
                yield head, gloss


def near_entries(cache, heads):
    """Headword to its (dictionary, paragraphs), of those that are not judged by."""
    found = {}
    for name in ("foldoc", "jargon", "vera"):
        merged = {}
        for head, paragraphs in own.entries(name, cache):
            merged.setdefault(head, []).extend(paragraphs)
        for head, paragraphs in merged.items():
            if head.lower() not in heads:
                found.setdefault(head, []).append((name, paragraphs))
    return found


def texts_of(name, paragraph):
    if name == "vera":
        meaning = re.sub(r"\s*\(.*", "", own.clean(paragraph))
        return [meaning] if len(meaning.split()) >= 2 else []
    return own.sentences(own.clean(paragraph), least=3)


def near(entries, fits):
    """Sentences of entries, and the headwords of those that have any left."""
    lines, heads = [], []
    for head, parts in entries.items():
        kept = [t for name, paragraphs in parts for p in paragraphs for t in texts_of(name, p) if fits(t)]
        lines += kept
        heads += [head] if kept and fits(head) else []
    return lines, heads


def shuffled(lines, generator):
    lines = list(lines)
    generator.shuffle(lines)
    return lines


def assemble(folder, cache):
    """Name of the file to its lines."""
    generator = random.Random(7)
    pairs = [line.split("\t") for line in (folder / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    judged = [answer for _, answer in pairs] + (folder / "heldout.txt").read_text(encoding="utf-8").splitlines()
    heads = {head.lower() for head, _ in pairs}
    entries = near_entries(cache, heads)
    unseen = []
    for name in ("foldoc", "vera"):
        unseen += shuffled([pair for pair in own.definitions(name, cache) if pair[0].lower() not in heads], generator)[:600]
    unseen = shuffled(unseen, generator)[:UNSEEN]
    wordnet = shuffled(glosses(), generator)[:GLOSSES]
    judged += [answer for _, answer in unseen + wordnet]
    heads |= {head.lower() for head, _ in unseen}
    whole, shared = set(judged), {run for text in judged for run in runs(text)}

    def fits(text):
        return text not in whole and text.lower() not in heads and not shared.intersection(runs(text))

    parts = [near({head: parts for head, parts in entries.items() if head.lower() not in heads}, fits)]
    sources = {"manuals": manuals(), "gcide": gcide(), "packages": packages(), "fortunes": own.fortunes(cache),
               "policy": own.policy(cache)}
    lines = [line for part in parts[0] for line in shuffled(dict.fromkeys(part), generator)]
    for name, source in sources.items():
        lines += shuffled(dict.fromkeys(line for line in source if fits(line)), generator)[:COUNTS[name]]
    lines = list(dict.fromkeys(lines))
    random.Random(3).shuffle(lines)
    return {"fit.txt": lines, "unseen.tsv": ["\t".join(pair) for pair in unseen],
            "wordnet.tsv": ["\t".join(pair) for pair in wordnet]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/transformer-mlir/text")
    options = parser.parse_args()
    for name, lines in assemble(options.folder, options.cache).items():
        (options.folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{options.folder / name}: {len(lines)} lines, {sum(len(line.split()) for line in lines)} words")


if __name__ == "__main__":
    main()
