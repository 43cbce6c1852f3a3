"""`python -m gpt2_inspect`, the same as the command `gpt2-inspect`."""

from .cli import main

if __name__ == "__main__":
    main()
