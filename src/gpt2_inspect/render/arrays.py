"""Arrays as a file: NumPy's .npz, or safetensors."""

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

        np.savez(file, **arrays)  # type: ignore[arg-type]  # a name may not be that of one of its own parameters
    else:
        from safetensors.numpy import save

        file.write(save(dict(arrays)))
