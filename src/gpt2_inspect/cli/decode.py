"""`gpt2-inspect decode`: from token ids to text."""

from typing import Annotated

import typer

from .. import analysis
from ..errors import UsageError
from ..messages import Message, say
from .command import Request, takes_many


@takes_many
def decode(
    request: Request,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IDS]...",
            help=say(
                "Token ids, with spaces, commas or line breaks between them, or a JSON array; without any, or with "
                "`-`, they are read from standard input."
            ),
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            help=say(
                "Instead of ids: decode the argmax of the logits after this text, and show their argsort; `-` reads "
                "the text from standard input."
            ),
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", "-k", help=say("With --prompt: how many tokens to show from each end. Default: 5.")),
    ] = None,
    skip_special_tokens: Annotated[
        bool, typer.Option("--skip-special-tokens", help=say("Leave <|endoftext|> and its like out of the text."))
    ] = False,
    bare: Annotated[bool, typer.Option("--text", help=say("Print the text and nothing else."))] = False,
) -> None:
    """Turn token ids into text.

    Each id is shown with its token and exact bytes, and below them the text of all together. With --prompt it shows
    why an index is decoded and not a logit: argmax and argsort say where in the vocabulary the largest logits stand,
    and an index into the vocabulary is what a token id is.

    In tables `·` is a space, `⏎` a line break.

    Examples:
        gpt2-inspect decode 258 300 400
        gpt2-inspect decode --prompt "Once upon a"
    """
    from .ids import as_ids, read_ids

    if prompt is not None and ids:
        raise UsageError(Message("--prompt takes the place of ids"), Message("give one or the other"))
    if prompt is None and top_k is not None:
        raise UsageError(Message("--top-k is for --prompt"), Message("without it there are no logits to rank"))
    if bare:
        request.refuse_formats("--text")
    if request.is_about_many(ids or prompt is not None):
        request.refuse_with_many(text=bare)
        request.answer_many(analysis.DecodeQuestion, "ids", as_ids)
        return
    token_ids = [] if prompt is not None else read_ids(request.streams, ids or [])
    text = None if prompt is None else request.streams.read_text(prompt)
    with request.open_output(bare=bare) as out:
        session = request.open_session(text or "")
        if text is None:
            result = session.ask(request.question(analysis.DecodeQuestion), token_ids)
        else:
            result = session.ask(request.question(analysis.DecodeArgmaxQuestion), text)
        if bare:
            out.write_line(result.text)
        else:
            out.write(result)
