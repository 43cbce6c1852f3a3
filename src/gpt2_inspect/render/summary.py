"""What stands below a table: the text as it is now, and which model said so, how fast."""

from ..results import NextTokens


def completed_text(result: NextTokens) -> str:
    """The prompt and what was added to it."""
    return result.steps[0].context + result.completion.text


def summary_lines(result: NextTokens) -> list[str]:
    """Facts about the run, a line each."""
    model, run = result.model, result.run
    origin = model.source if model.revision is None else f"{model.source}, {model.revision[:12]}"
    size = f"{model.n_layer} layers, {model.n_embd} wide, {model.parameters / 1e6:.1f}M parameters"
    lines = [
        f"model: {model.name} ({origin}; {size})",
        f"backend: {run.backend} ({run.device}, {run.dtype}); {_timing(result)}",
    ]
    if result.decoding.strategy == "sample":
        lines.append(f"sampled: {_sampling(result)}")
    if result.finish_reason == "eos":
        lines.append(f"ended after {len(result.steps)} steps: the model chose <|endoftext|>")
    return lines


def _timing(result: NextTokens) -> str:
    first, *others = (step.elapsed_ms for step in result.steps)
    text = f"first step {first:.1f} ms"
    return f"{text}, then {sum(others) / len(others):.1f} ms a step" if others else text


def _sampling(result: NextTokens) -> str:
    decoding = result.decoding
    settings = {"temperature": decoding.temperature, "top-p": decoding.top_p, "top-k": decoding.sample_top_k}
    named = [f"{name} {value}" for name, value in settings.items() if value is not None]
    return ", ".join([*named, f"seed {result.run.seed}"])
