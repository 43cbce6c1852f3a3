"""The arguments and options that commands share, declared once."""

from typing import Annotated

import typer

from ..many.forms import FORMS
from ..messages import one_of, say
from ..render.formats import DEFAULT, EVERY_FORMAT, FORMATS

Text = Annotated[
    str, typer.Argument(metavar="TEXT", help=say("The text; `-` reads it from standard input."), show_default=False)
]
OneText = Annotated[
    str | None,
    typer.Argument(metavar="[TEXT]", help=say("The text; `-` reads it from standard input."), show_default=False),
]
"""Of a command that can also take many, by --input."""

Position = Annotated[
    int,
    typer.Option("--position", "-p", metavar="N", help=say("Which token, from 0; negative ones count from the end.")),
]
Save = Annotated[
    str | None,
    typer.Option(
        "--save", metavar="FILE", help=say("Write the arrays behind the table to FILE.npz or FILE.safetensors.")
    ),
]

Plot = Annotated[
    str | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help=say("Also draw the result, to FILE.svg, FILE.png or FILE.pdf (needs matplotlib)."),
    ),
]
PlotSize = Annotated[
    str | None,
    typer.Option(
        "--plot-size",
        metavar="SIZE",
        help=say("Of the plot: slide (default), column of a paper, or WxH in cm, as 16x9; 6x4in is in inches."),
    ),
]

MinProb = Annotated[
    float | None, typer.Option("--min-prob", metavar="P", help=say("The least probability that it may have."))
]

MODEL_VARIABLE = "GPT2_INSPECT_MODEL"

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        envvar=MODEL_VARIABLE,
        metavar="NAME",
        help=say(
            "`pocket` or `pocket-zh` (bundled, English and Chinese), a directory, or a hub id such as `gpt2`. Default: "
            "gpt2 if it is in the hub's cache, else pocket-zh for Chinese text and pocket for other."
        ),
    ),
]
Revision = Annotated[
    str | None, typer.Option("--revision", metavar="REV", help=say("Branch, tag or commit of a hub model."))
]
Offline = Annotated[bool, typer.Option("--offline", help=say("Never use the network; HF_HUB_OFFLINE=1 says the same."))]
Backend = Annotated[str, typer.Option("--backend", metavar="NAME", help=say("auto, numpy (fast on a CPU) or torch."))]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help=say("cpu, cuda or cuda:N."))]
Dtype = Annotated[str, typer.Option("--dtype", metavar="NAME", help=say("float32, bfloat16 or float16."))]
_endings = ", ".join(ending for form in EVERY_FORMAT.values() for ending in form.endings)

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help=say(
            "{formats}. Default: what FILE ends in ({endings}), else {default}.",
            formats=one_of(tuple(FORMATS)),
            endings=_endings,
            default=DEFAULT,
        ),
    ),
]
Json = Annotated[bool, typer.Option("--json", help=say("Short for --format json."))]
OutputFile = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help=say("Write to FILE, which is replaced only when all went well.")
    ),
]
Open = Annotated[bool, typer.Option("--open", help=say("Show the result as a page in the browser."))]
Color = Annotated[
    str,
    typer.Option(
        "--color",
        metavar="WHEN",
        help=say("always, never or auto: on a terminal. FORCE_COLOR and NO_COLOR say the first two."),
    ),
]
Theme = Annotated[
    str,
    typer.Option(
        "--theme",
        envvar="GPT2_INSPECT_THEME",
        metavar="NAME",
        help=say(
            "Of the shades: dark, light (what the terminal's background is), none, or auto, which asks the terminal."
        ),
    ),
]
Ascii = Annotated[
    bool,
    typer.Option(
        "--ascii",
        help=say(
            "Signs in ASCII: _ is a space in a token, \\n a line feed, \\t a tab, * what was taken, ... what was cut; "
            "\\_ and \\\\ are an underscore and a backslash in the text itself."
        ),
    ),
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help=say("Say below the table what was asked, how to read it, and the idea behind it.")),
]
NoTiming = Annotated[
    bool, typer.Option("--no-timing", help=say("Leave out how long it took: two runs then print the same."))
]
CsvMeta = Annotated[
    bool, typer.Option("--csv-meta", help=say("With CSV: after each row, columns for the model, seed and options."))
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=say("No notes and no progress; errors stay."))]
Traceback = Annotated[bool, typer.Option("--traceback", help=say("On an error, show where in the code it arose."))]

Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        "-i",
        metavar="FILE",
        help=say("Many texts instead of one: a line each, JSON Lines, CSV, TSV or Parquet, perhaps in gzip; `-` too."),
    ),
]
InputFormat = Annotated[
    str | None,
    typer.Option(
        "--input-format",
        metavar="NAME",
        help=say("{formats}. Default: what FILE ends in, else what its first line looks like.", formats=one_of(FORMS)),
    ),
]
Field = Annotated[
    str | None,
    typer.Option(
        "--field", metavar="NAME", help=say("Key or column of --input that has the text. Default: text, or ids.")
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", help=say("Processes that answer --input. Default: one for each idle processor.")
    ),
]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", help=say("Stop at the first text of --input that cannot be answered."))
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help=say("Go on with --output where a run that was stopped has left it.")),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help=say("local, or ray: files matching --input go through Ray on a cluster, into files in --output DIR."),
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address", metavar="HOST:PORT", help=say("The cluster's head node. Default: Ray starts on this machine.")
    ),
]
