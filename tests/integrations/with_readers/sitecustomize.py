"""Makes axolotl and LLaMA-Factory importable in a process and its children, from where tools/get_readers.py puts them.

    PYTHONPATH=tests/integrations/with_readers everyturn bench --parity

What they import and do not need to prepare chats is replaced by empty modules: see `readers.isolation`.
"""

import sys
import types
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))

from readers import isolation  # noqa: E402 - it is on the path from here on

if isolation.FOLDER.is_dir():
    sys.path.append(str(isolation.FOLDER))
    numba = types.ModuleType("numba")
    vars(numba)["njit"] = lambda function: function
    sys.modules["numba"] = numba
    isolation.without("posthog", "av", "torchaudio", "omegaconf")
