"""Imports from the package, in the package's modules, by relative names

Notebooks import from `twossp.core.plan`; a module says `from .plan import …` or
`from ..core.plan import …`. nbdev_export does so for imports of one line at the top of a
module; this does the rest: those of several lines, and those inside functions."""

import ast, os, re


def relative_name(module, package):
    "How `module` is called in `package`: twossp.core.plan is ..core.plan in twossp.runtime"
    here, there = package.split('.'), module.split('.')
    same = len(os.path.commonprefix([here, there]))
    return '.' * (len(here) - same + 1) + '.'.join(there[same:])


def relate(source, package):
    "The source of a module of `package`, with relative imports from the same root"
    root, lines = package.split('.')[0], source.split('\n')
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom) or node.level:
            continue
        if node.module == root or node.module.startswith(f'{root}.'):
            name = relative_name(node.module, package)
            at = node.lineno - 1
            start, rest = lines[at][: node.col_offset], lines[at][node.col_offset :]
            new = re.sub(rf'^from +{re.escape(node.module)} +', f'from {name} ', rest)
            lines[at] = start + new
    return '\n'.join(lines)
