"""From files to files, one module a job."""
