"""Files of results, any of them as a table, and what is known of each

Results are rows of a grid or of a benchmark (`.jsonl`), tables (`.csv`) and figures. A number
without its machine, versions and command cannot be repeated: `index.json` beside the files holds
what is known of each. Tested in nbs/tests/stored.ipynb.
"""

import hashlib
import json
from datetime import date
from pathlib import Path

import pandas as pd

from twossp.records.files import atomic_file, is_truncated
from twossp.records.results import to_frame, versions

_INDEX = "index.json"  # in a folder of results: file name -> what is known of it


def describe_file(
    path: str | Path,  # a file of results
    command: str,  # with which it was made
    machine: str = "",  # default: system, architecture and cores
    **facts,  # more, by name: title, about, setting, unit, versions …
):
    "Write what is known of a file of results into the index of its folder."
    path = Path(path)
    index = path.with_name(_INDEX)
    known = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    software = versions()
    machine = machine or software["machine"]
    new = dict(machine=machine, command=command, date=date.today().isoformat())
    entry = known.get(path.name, {}) | new | dict(versions=software) | facts
    if "title" not in entry:
        raise ValueError(f"{path.name} is not in {index}: give its title=, what the file holds")
    known[path.name] = dict(title=entry.pop("title")) | entry
    with atomic_file(index) as part:
        text = json.dumps(known, indent=1, ensure_ascii=False) + "\n"
        part.write_text(text, encoding="utf-8")


def find_input(
    name: str,  # of a file in the current folder
    results: str | Path,  # the file of results whose entry in the index names it under `needs`
) -> Path:  # of the file
    "Find a file that a command reads. Raises `ValueError` if it is missing, or another one."
    results, path = Path(results), Path(name)
    index = json.loads(results.with_name(_INDEX).read_text(encoding="utf-8"))
    needed = index[results.name]["needs"][name]
    wanted = f"{results.name} needs the file of SHA-256 {needed['sha256']}"
    wanted = f"{wanted}: {needed['source']}"
    if not path.is_file():
        raise ValueError(f"there is no {name} in {Path.cwd()}; {wanted}")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != needed["sha256"]:
        raise ValueError(f"{name} has the SHA-256 {found}; {wanted}")
    return path


def save_table(
    table: pd.DataFrame,  # an index with a name becomes a column
    path: str | Path,  # of the file, .csv
    command: str,  # with which it was made
    machine: str = "",  # default: system, architecture and cores
    **facts,  # more, by name: title, about, setting, unit, versions …
):
    "Write a table of results, and what is known of it into the index of its folder."
    named = any(name is not None for name in table.index.names)
    table.to_csv(path, index=named, lineterminator="\n")
    describe_file(path, command, machine, **facts)


def load_table(
    path: str | Path,  # a file of results: .csv, or .jsonl of a grid or a benchmark
    **options,  # of `pandas.read_csv`
) -> pd.DataFrame:  # with what the index says of the file in `attrs`
    "Read a file of results as a table."
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file of results {path}")
    if path.suffix == ".csv":
        table = pd.read_csv(path, **options)
    elif path.suffix == ".jsonl":
        lines = path.read_bytes().splitlines()
        lines = lines[:-1] if lines and is_truncated(lines[-1]) else lines
        is_bench = b'"verdict"' in (lines or [b""])[0]
        table = pd.DataFrame(map(json.loads, lines)) if is_bench else to_frame(path)
    else:
        raise ValueError(f"{path} is not a table of results: give a .csv or .jsonl file")
    index = path.with_name(_INDEX)
    if index.exists():
        table.attrs |= json.loads(index.read_text(encoding="utf-8")).get(path.name, {})
    return table
