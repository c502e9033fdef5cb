"""One module for each kind of file that `dist/build` makes."""
