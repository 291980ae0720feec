"""What is read and written: inputs, lines of files, Parquet files and folders of them.

`inputs` turns what a caller hands over into what the core reads, `lines` reads blocks of lines for runs of many
processes, `parquet` writes tables, `shards` a folder of them, which `shard_folder` keeps; `atomic` lets files appear
when they are whole. Nothing is imported here: most of it needs pyarrow.
"""
