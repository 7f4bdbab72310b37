"""A folder of files on this machine or on a mounted share."""
