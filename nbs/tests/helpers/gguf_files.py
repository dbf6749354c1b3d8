"""Tiny GGUF files as llama.cpp's converter writes them, with faults on demand"""

import re
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, PreTrainedModel
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from twossp.model.compat import keep_soft_cap
from twossp.model.testing import byte_tokenizer, randomize

VOCAB = 259  # bytes, the end, padding, and the pair "th"
# model type -> architecture in llama.cpp, where the names differ
ARCHITECTURES = dict(
    mistral="llama", granite="granite", gemma3_text="gemma3", qwen2_moe="qwen2moe",
    qwen3_moe="qwen3moe", gpt_oss="gpt-oss", cohere="command-r", mixtral="llama",
)
# configuration entry -> field without the architecture's name
FIELDS = dict(
    num_hidden_layers="block_count", max_position_embeddings="context_length",
    hidden_size="embedding_length", vocab_size="vocab_size",
    num_attention_heads="attention.head_count",
    rms_norm_eps="attention.layer_norm_rms_epsilon",
    layer_norm_eps="attention.layer_norm_epsilon",
    layer_norm_epsilon="attention.layer_norm_epsilon",
    norm_epsilon="attention.layer_norm_epsilon",
    norm_eps="attention.layer_norm_epsilon",
)


def rope_order(x, d):
    "Rows of a head in the order 0, d/2, 1, d/2 + 1, …"
    return x.reshape(-1, 2, d // 2, *x.shape[1:]).transpose(1, 2).reshape(x.shape)


def header(model: PreTrainedModel) -> dict:  # field without the architecture's name -> value
    "The fields that llama.cpp's converter writes for a model."
    c = model.config
    kind = c.model_type
    fields = {name: getattr(c, key) for key, name in FIELDS.items() if hasattr(c, key)}
    widths = dict(falcon="ffn_hidden_size", gpt2="n_inner").get(kind, "intermediate_size")
    fields["feed_forward_length"] = getattr(c, widths, None) or 4 * c.hidden_size
    fields["attention.head_count_kv"] = getattr(c, "num_key_value_heads", None)
    if kind == "bloom":
        fields["context_length"] = 256
    if kind == "lfm2":
        fields["attention.layer_norm_rms_epsilon"] = fields.pop("attention.layer_norm_epsilon")
        fields["shortconv.l_cache"] = c.conv_L_cache
        counts = [c.num_key_value_heads * (x == "full_attention") for x in c.layer_types]
        fields["attention.head_count_kv"] = counts
    if kind == "falcon":
        fields["attention.head_count_kv"] = c.num_kv_heads if c.new_decoder_architecture else 1
    d = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    rope = getattr(c, "rope_parameters", None) or {}
    if rope := rope.get("full_attention", rope):
        fields["rope.freq_base"] = float(rope["rope_theta"])
        fields["rope.dimension_count"] = int(d * (rope.get("partial_rotary_factor") or 1))
    if getattr(c, "head_dim", None):
        fields |= {"attention.key_length": d, "attention.value_length": d}
    if kind in ("gemma2", "gemma3_text") or (kind == "phi3" and c.sliding_window):
        fields["attention.sliding_window"] = c.sliding_window
    if kind == "gemma2":
        fields["attn_logit_softcapping"] = c.attn_logit_softcapping
        fields["final_logit_softcapping"] = c.final_logit_softcapping
    if kind == "stablelm":
        fields["use_parallel_residual"] = c.use_parallel_residual
    if kind in ("qwen2_moe", "qwen3_moe", "gpt_oss", "mixtral"):
        fields["expert_count"] = getattr(c, "num_experts", None) or c.num_local_experts
        fields["expert_used_count"] = c.num_experts_per_tok
    if kind in ("qwen2_moe", "qwen3_moe"):
        fields["expert_feed_forward_length"] = c.moe_intermediate_size
    if kind == "qwen2_moe":
        fields["expert_shared_feed_forward_length"] = c.shared_expert_intermediate_size
    if kind == "gpt_oss":
        fields["expert_feed_forward_length"] = c.intermediate_size
        fields["attention.sliding_window"] = c.sliding_window
    return {k: v for k, v in fields.items() if v is not None}


def tensors(model: PreTrainedModel) -> dict:  # name in the file -> array
    "The tensors that llama.cpp's converter writes for a model."
    c = model.config
    kind = c.model_type
    d = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    arch = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == ARCHITECTURES.get(kind, kind))
    names, found = gguf.get_tensor_name_map(arch, c.num_hidden_layers), {}
    for name, x in model.state_dict().items():
        if name == "lm_head.weight" and c.tie_word_embeddings:
            continue
        x = x.float()
        layer = re.search(r"\.(\d+)\.", name)
        at = f"blk.{layer[1]}." if layer else ""
        if kind != "gpt_oss" and name.endswith("experts.gate_up_proj"):
            gate, up = x.chunk(2, 1)
            found |= {f"{at}ffn_gate_exps.weight": gate, f"{at}ffn_up_exps.weight": up}
            continue
        if kind != "gpt_oss" and name.endswith("experts.down_proj"):
            found[f"{at}ffn_down_exps.weight"] = x
            continue
        if kind in ("llama", "mistral", "granite", "mixtral") and re.search(r"[qk]_proj", name):
            x = rope_order(x, d)
        if kind in ("gemma2", "gemma3_text", "nemotron") and name.endswith("norm.weight"):
            x = x + 1
        if kind == "gpt2" and re.search(r"(c_attn|c_proj|c_fc)\.weight", name):
            x = x.T
        if kind == "bloom" and "query_key_value" in name:
            x = x.reshape(c.n_head, 3, d, *x.shape[1:]).transpose(0, 1).reshape(x.shape)
        if kind == "falcon" and "query_key_value" in name and c.new_decoder_architecture:
            q = c.num_attention_heads // c.num_kv_heads
            y = x.reshape(c.num_kv_heads, q + 2, d, *x.shape[1:])
            x = torch.cat([y[:, :q].reshape(-1, *x.shape[1:]), y[:, q].reshape(-1, *x.shape[1:]),
                           y[:, q + 1].reshape(-1, *x.shape[1:])])
        if name.endswith("shared_expert_gate.weight"):
            x = x[0]
        if name.endswith("conv.conv.weight"):
            x = x[:, 0]
        name = name.removeprefix("transformer.") if kind == "bloom" else name
        new = names.get_name(name, (".weight", ".bias"))
        found[new if new.endswith((".weight", ".bias")) else f"{new}.weight"] = x
    return {k: np.ascontiguousarray(x.detach().numpy(), dtype=np.float32) for k, x in found.items()}


def write_gguf(
    model: PreTrainedModel,  # of a vocabulary of `VOCAB` ids
    file: str | Path,  # to write
    *,
    fields: dict | None = None,  # changed fields; a value None: left out
    arrays: dict | None = None,  # changed tensors; a value None: left out
    arch: str | None = None,  # in llama.cpp; None: as the converter names it
    words: list | None = None,  # of the tokenizer; None: bytes, and "th"
    merges: list | None = None,  # of the words
) -> Path:  # the file
    "Write a model as llama.cpp's converter does, with changes, over bytes and one pair of them."
    kind = model.config.model_type
    arch = arch or ARCHITECTURES.get(kind, kind)
    writer = gguf.GGUFWriter(file, arch)
    said = {f"{arch}.{k}": v for k, v in header(model).items()} | (fields or {})
    for key, x in said.items():
        if x is not None:
            add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32,
                   str: writer.add_string, list: writer.add_array}[type(x)]
            add(key, x)
    if words is None:
        ids = byte_tokenizer().get_vocab()
        words = sorted(ids, key=ids.get)
        words[256:] = ["<|endoftext|>", "<pad>", "th"]
    writer.add_tokenizer_model("gpt2")
    if "tokenizer.ggml.pre" not in said:
        writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([1 + 2 * (i in (256, 257)) for i in range(len(words))])
    writer.add_token_merges(merges or ["t h"])
    for name in ("bos", "eos", "unk"):
        getattr(writer, f"add_{name}_token_id")(256)
    writer.add_pad_token_id(257)
    writer.add_add_bos_token(False)
    for name, x in (tensors(model) | (arrays or {})).items():
        if x is not None:
            writer.add_tensor(name, x)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Path(file)


# rotary embeddings with a base of 10,000, as `rope_parameters` in transformers
_LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0)
_LONG = dict(long_factor=[2.0, 3.0, 4.0, 5.0], short_factor=[1.0, 1.25, 1.5, 1.75])
_LONG |= dict(rope_type="longrope", factor=4.0, attention_factor=1.125)
ROPES = {
    "default": {},
    "linear": dict(rope_type="linear", factor=4.0),
    "llama3": _LLAMA3 | dict(original_max_position_embeddings=128),
    "yarn": dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64),
    "longrope": _LONG | dict(original_max_position_embeddings=256),
}


def scaling(
    rope: str,  # a key of `ROPES`
    arch: str = "llama",
    d: int = 8,  # channels of a head
) -> dict:  # `fields` and `arrays` of `write_gguf`
    "Return what a file has for scaled rotary embeddings."
    said, prefix = ROPES[rope], f"{arch}.rope.scaling"
    fields, arrays = {}, {}
    if rope in ("linear", "yarn"):
        fields |= {f"{prefix}.type": rope, f"{prefix}.factor": said["factor"]}
    if rope in ("yarn", "longrope"):
        length = said["original_max_position_embeddings"]
        fields |= {f"{prefix}.original_context_length": length}
    if rope == "longrope":
        fields |= {f"{prefix}.attn_factor": said["attention_factor"]}
        for length in ("long", "short"):
            factors = np.array(said[f"{length}_factor"], dtype=np.float32)
            arrays[f"rope_factors_{length}.weight"] = factors
    if rope == "llama3":
        parameters = dict(rope_theta=1e4)
        entries = dict(hidden_size=4 * d, num_attention_heads=4, num_hidden_layers=0)
        plain, scaled = (
            LlamaRotaryEmbedding(LlamaConfig(**entries, rope_parameters=parameters | x)).inv_freq
            for x in (dict(rope_type="default"), said)
        )
        arrays["rope_freqs.weight"] = (plain / scaled).numpy()
    return dict(fields=fields, arrays=arrays)


_MOE = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48)
# architecture in llama.cpp -> configuration of a tiny model; `model_type` if it differs
MODELS = {
    "llama": {},
    "qwen2": {},
    "qwen2moe": dict(_MOE, model_type="qwen2_moe", shared_expert_intermediate_size=32),
    "qwen3": dict(head_dim=8),
    "qwen3moe": dict(_MOE, model_type="qwen3_moe", head_dim=8, norm_topk_prob=True),
    "phi3": {},
    "gemma2": dict(head_dim=8, query_pre_attn_scalar=8, sliding_window=8),
    "gemma3": dict(
        model_type="gemma3_text", head_dim=8, query_pre_attn_scalar=8, sliding_window=8,
        num_hidden_layers=6,
    ),
    "stablelm": dict(use_qkv_bias=True),
    "starcoder2": {},
    "nemotron": dict(head_dim=8),
    "lfm2": dict(
        layer_types=["conv", "full_attention"] * 2, block_auto_adjust_ff_dim=False
    ),
    "falcon": dict(ffn_hidden_size=128, bias=False),
    "gpt2": dict(n_inner=128),
    "bloom": {},
}
_KV = dict(num_key_value_heads=2, intermediate_size=48, max_position_embeddings=1024)


def source_model(
    arch: str,  # a key of `MODELS`
    rope: str = "default",  # a key of `ROPES`
    **overrides,  # further entries of the configuration
) -> PreTrainedModel:  # in eval mode
    "Return a random tiny model that `write_gguf` writes as this architecture."
    entries = dict(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=4, num_attention_heads=4)
    entries |= dict(pad_token_id=257, bos_token_id=256, eos_token_id=256)
    entries |= {} if arch in ("falcon", "gpt2", "bloom") else _KV
    entries |= MODELS[arch]
    if ROPES[rope]:
        entries |= dict(rope_parameters=ROPES[rope] | dict(rope_theta=1e4))
    if rope == "longrope":
        entries |= dict(original_max_position_embeddings=256)
    kind = entries.pop("model_type", arch)
    config = AutoConfig.for_model(kind, **entries | overrides)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.generation_config.eos_token_id = None
    model = randomize(keep_soft_cap(model)).eval()
    if kind.startswith("gemma"):  # which makes embeddings larger
        model.get_input_embeddings().weight.data *= 0.05
    return model
