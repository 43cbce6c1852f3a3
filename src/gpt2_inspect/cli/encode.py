"""`gpt2-inspect encode`: from text to token ids."""

from typing import Annotated

import typer

from .. import analysis
from ..messages import say
from ..sources import CHINESE
from . import options
from .command import Request, takes_many


@takes_many
def encode(
    request: Request,
    text: options.OneText = None,
    ids: Annotated[
        bool, typer.Option("--ids", help=say("Print the ids and nothing else, on one line: for `decode`."))
    ] = False,
) -> None:
    """Turn a text into token ids.

    Each token is shown with its exact bytes and the characters that it has a part of. A character that is split over
    several tokens, as Chinese ones and emoji are, is shown with all of them.

    In tables `·` is a space, `⏎` a line break.

    Examples:
        gpt2-inspect encode "hello, how are you"
        gpt2-inspect encode "hello, how are you" --ids
    """
    if ids:
        request.refuse_formats("--ids")
    if request.is_about_many(text):
        request.refuse_with_many(ids=ids)
        request.answer_many(analysis.EncodeQuestion)
        return
    prompt = request.read_text(text)
    with request.open_output(bare=ids) as out:
        session = request.open_session(prompt)
        result = session.encode_ids(prompt) if ids else session.ask(request.question(analysis.EncodeQuestion), prompt)
        count = len(result if isinstance(result, list) else result.tokens)
        if count > session.model.n_positions:
            context = session.model.n_positions
            request.streams.note(
                say("note: {tokens} tokens; the model's context is {context}", tokens=count, context=context)
            )
        if isinstance(result, list):
            if not request.shared["model"] and session.model.name == CHINESE:
                request.streams.note(say("note: these ids are for `decode --model {name}`", name=CHINESE))
            out.write_line(" ".join(map(str, result)))
        else:
            out.write(result)
