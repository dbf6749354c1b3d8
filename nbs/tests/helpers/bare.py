"""An environment without extras, imitated: only the requirements of the core, and what these
require, can be found

`python bare.py FILE` runs the command lines of a JSON file in one process, and writes what
each gave beside it: [exit code, standard output, standard error].
"""

import contextlib
import io
import json
import re
import socket
import sys
from configparser import ConfigParser
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def read_requirements():
    "Names of the packages that twossp itself requires, from settings.ini"
    settings = ConfigParser(delimiters=['='])
    settings.read(ROOT / 'settings.ini', encoding='utf-8')
    found = settings['DEFAULT']['requirements'].split()
    return tuple(re.match(r'[\w.-]+', r)[0] for r in found)


HAVE = read_requirements()


def spell(name):
    "A distribution's name, as all write it"
    return re.sub('[-_.]+', '-', name).lower()


def required(names):
    "Distributions of these names, and those that they require without an extra"
    from packaging.requirements import Requirement

    seen, todo = set(), [spell(n) for n in names]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        try:
            wanted = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        seen.add(name)
        for r in map(Requirement, wanted):
            if r.marker is None or r.marker.evaluate(dict(extra='')):
                todo.append(spell(r.name))
    return seen


class Hide:
    "Finds modules and distributions as Python does, but for the hidden ones"

    def __init__(self, have=HAVE):
        self.dists = required(have)
        tops = metadata.packages_distributions().items()
        self.hidden = {m for m, ds in tops if not self.dists & {*map(spell, ds)}} - {'twossp'}

    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] not in self.hidden:
            return PathFinder.find_spec(name, path, target)

    def find_distributions(self, context):
        found = PathFinder.find_distributions(context)
        return (d for d in found if spell(d.metadata['Name'] or '') in self.dists)

    def invalidate_caches(self):
        PathFinder.invalidate_caches()


def no_network(self, address):
    raise OSError(101, 'Network is unreachable', str(address))


def start():
    "From here on, this process is one without extras"
    sys.meta_path[:] = [Hide() if f is PathFinder else f for f in sys.meta_path]
    sys.meta_path[:] = [f for f in sys.meta_path if '__editable__' not in f.__module__]
    socket.socket.connect = no_network


def run(words):
    "One command line, or Python after `python`: [exit code, standard output, standard error]"
    from twossp.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = exec(' '.join(words[1:]), {}) if words[0] == 'python' else main(words)
        except BaseException as e:
            import traceback

            traceback.print_exc()
            code = f'{type(e).__name__}: {e}'
    return [code, out.getvalue(), err.getvalue()]


def main(path):
    start()
    from brief import brief

    asked = json.loads(Path(path).read_text(encoding='utf-8'))
    with brief(figures=True):
        found = [run(w) for w in asked]
    Path(path).write_text(json.dumps(found), encoding='utf-8')


if __name__ == '__main__':
    main(sys.argv[1])
