"""``python -m unticker``: the command."""

from unticker.cli import main

if __name__ == "__main__":
    main()
