"""What is read and written: inputs, records of files, and folders of Parquet files.

`inputs` turns what a caller hands over into what the core reads, `records` is the core's reader of files, `shards`
writes a folder of Parquet files, which `shard_folder` keeps. Nothing is imported here: `shards` needs pyarrow.
"""
