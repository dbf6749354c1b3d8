__version__ = "0.1.0"
from twossp import hub as hub   # registers compact checkpoints with the Auto classes of transformers
