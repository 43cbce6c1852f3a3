"""Arrays as a file: NumPy's .npz, or safetensors."""

import io
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SUFFIXES = (".npz", ".safetensors")


def write_arrays(arrays: "Mapping[str, npt.NDArray[np.float32]]", suffix: str, file: IO[bytes]) -> None:
    """Write the arrays under their names, in the form that `suffix`, one of SUFFIXES, stands for."""
    if suffix == ".npz":
        import numpy as np

        whole = io.BytesIO()  # a zip file asks where in it it is, and of that /dev/null has no idea
        np.savez(whole, **arrays)  # type: ignore[arg-type]  # a name may not be that of one of its own parameters
        file.write(whole.getbuffer())
    else:
        from safetensors.numpy import save

        file.write(save(dict(arrays)))
