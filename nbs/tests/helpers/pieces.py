"""Tokenizers like those that sentencepiece trains, for tests of conversions"""

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

_SAMPLE = (
    "The quick brown fox jumps over the lazy dog, and the dog jumps back.",
    "def f(x):\n    return  x + 1\n\n\nprint(f(2))",
)


def piece_tokenizer(
    kind: str = "llama",  # as in Llama 2; "mistral": as in Mistral 0.1; "gemma"
) -> PreTrainedTokenizerFast:  # about 350 ids: special tokens, 256 bytes, pieces
    "Return a BPE tokenizer with byte fallback, trained on a few words."
    special = ["<pad>", "<eos>", "<bos>", "<unk>"] if kind == "gemma" else ["<unk>", "<s>", "</s>"]
    base = [*special, *(f"<0x{b:02X}>" for b in range(256))]
    t = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True))
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.train_from_iterator(_SAMPLE, trainers.BpeTrainer(vocab_size=350, show_progress=False))
    pieces = sorted(t.get_vocab(), key=lambda x: (len(x) == 1, t.token_to_id(x)))
    pieces[8:8] = ["▁▁", "▁t"]
    vocab = {x: i for i, x in enumerate(dict.fromkeys([*base, *pieces]))}
    splits = [(x[:i], x[i:]) for x in pieces for i in range(1, len(x))]
    merges = [(a, b) for a, b in splits if a in vocab and b in vocab]
    t.model = models.BPE(vocab=vocab, merges=merges, byte_fallback=True, fuse_unk=True)
    space = normalizers.Replace(" ", "▁")
    if kind == "mistral":
        t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        first = [] if kind == "gemma" else [normalizers.Prepend("▁")]
        t.normalizer = normalizers.Sequence([*first, space])
        t.pre_tokenizer = None
    if kind == "gemma":
        t.add_tokens([AddedToken(x, normalized=False) for x in ("\n\n", "<unused0>")])
    t.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    bos, eos = ("<bos>", "<eos>") if kind == "gemma" else ("<s>", "</s>")
    t.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, vocab[bos])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=t, bos_token=bos, eos_token=eos, unk_token="<unk>"
    )
