"""A folder of files on an SFTP server."""
