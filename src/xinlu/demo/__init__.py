"""The demo province: made up from a seed, written as delivery files, taken in like anyone's, run and published."""
