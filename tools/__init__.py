"Helpers for building and checking the project; not part of the installed package"
