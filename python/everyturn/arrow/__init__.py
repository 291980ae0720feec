"""Tables of records to tables of samples, for engines that hand tables from process to process.

In: Arrow tables or record batches whose columns are the keys of records, or hold them as JSON text. Out: tables with
the columns of `everyturn.samples.parquet`, of one schema for all batches. Which rows are in which batch changes no
sample. Reading, scheduling and writing are the engine's business: Ray Data (`everyturn.ray`), Spark, Hugging Face
datasets.

`io.arrow_rows` makes JSON lines of rows, `origins` finds their locations, `expander` expands them, `reports` gathers
the reports of many processes; `lines` makes tables of files.
"""

from everyturn.arrow.expander import Preparer, read_reports

__all__ = ["Preparer", "read_reports"]
