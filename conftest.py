"`pytest` runs the notebooks' tests"

pytest_plugins = ['tools.pytest_notebooks']
