"""Light curves of many sources: the record, the cuts, and the files they come from."""
