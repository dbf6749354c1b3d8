"Packaging. All settings are in settings.ini: edit there, not here."

import shlex
import sys
from configparser import ConfigParser
from pathlib import Path

import setuptools
from setuptools.command.build_py import build_py as _build_py
from setuptools.command.sdist import sdist as _sdist

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
from tools.docstrings import carry_package  # noqa: E402  (of this checkout or sdist)

config = ConfigParser(delimiters=['='])
config.read(here / 'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']


class sdist(_sdist):
    """The source distribution: with what this file reads, and with the comments of public names
    in their docstrings"""

    def make_distribution(self):
        self.filelist.extend(['settings.ini', 'tools/__init__.py', 'tools/docstrings.py'])
        super().make_distribution()

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        carry_package(Path(base_dir) / cfg['lib_path'])


class build_py(_build_py):
    """The built package: with the comments of public names in their docstrings, and with nbdev's
    index, an empty one where nbdev_export has not written it: an entry point leads there"""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        built = Path(self.build_lib) / cfg['lib_path']
        carry_package(built)
        index = built / '_modidx.py'
        if not index.exists():
            index.write_text("d = {'syms': {}, 'settings': {}}\n", encoding='utf-8')


statuses = [
    '1 - Planning',
    '2 - Pre-Alpha',
    '3 - Alpha',
    '4 - Beta',
    '5 - Production/Stable',
    '6 - Mature',
    '7 - Inactive',
]
spdx = {
    'apache2': 'Apache-2.0',
    'mit': 'MIT',
    'gpl3': 'GPL-3.0-only',
    'bsd3': 'BSD-3-Clause',
}
lib, lo, hi = cfg['lib_path'], cfg['min_python'], cfg['max_python']
pythons = [
    f'3.{minor}' for minor in range(int(lo.split('.')[1]), int(hi.split('.')[1]) + 1)
]
extras = {
    key.removesuffix('_requirements'): shlex.split(cfg[key])
    for key in cfg
    if key.endswith('_requirements')
}
for_developers = extras.pop('dev')
extras['all'] = sorted({r for needed in extras.values() for r in needed})
extras['dev'] = for_developers + extras['all']
readme = here / 'README.md'  # generated from nbs/index.ipynb

setuptools.setup(
    name=cfg['lib_name'],
    version=cfg['version'],
    description=cfg['description'],
    keywords=cfg['keywords'],
    author=cfg['author'],
    author_email=cfg['author_email'],
    url=cfg['git_url'],
    project_urls={
        'Documentation': cfg['doc_host'] + cfg['doc_baseurl'],
        'Source': cfg['git_url'],
    },
    license=spdx.get(cfg['license'].lower(), cfg['license']),
    license_files=['LICENSE'],
    classifiers=[
        f"Development Status :: {statuses[int(cfg['status'])-1]}",
        f"Intended Audience :: {cfg['audience'].title()}",
        f"Natural Language :: {cfg['language'].title()}",
        'Programming Language :: Python :: 3',
    ]
    + [f'Programming Language :: Python :: {o}' for o in pythons],
    # so that an editable install puts the checkout on the path: the docs find tools.showdoc
    package_dir={'': '.'},
    packages=setuptools.find_packages(include=[lib, f'{lib}.*']),
    package_data={lib: shlex.split(cfg.get('package_data', ''))},
    python_requires=f">={lo}",
    install_requires=shlex.split(cfg['requirements']),
    extras_require=extras,
    long_description=(
        readme.read_text(encoding='utf-8') if readme.exists() else cfg['description']
    ),
    long_description_content_type='text/markdown',
    entry_points={
        'console_scripts': shlex.split(cfg['console_scripts']),
        'nbdev': [f'{lib}={lib}._modidx:d'],
        'vllm.general_plugins': [f'{lib}={lib}.serving.vllm_plugin:register'],
    },
    cmdclass={'build_py': build_py, 'sdist': sdist},
    zip_safe=False,
)
