"""Makes `runs` importable, which the tests of all models share: this folder is put on the path of modules."""
